"""An SMTP server that keeps what it gets: EHLO, STARTTLS, AUTH PLAIN, one e-mail after the other (RFC 5321, 3207, 4954).

As strict as a provider's: no mail without TLS, none without the password. Bound: 10 MB an e-mail, 10 s a line.
"""

import base64
import email
import email.policy
import socketserver
import ssl
import subprocess
import threading

LARGEST = 10_000_000


class _Session(socketserver.StreamRequestHandler):
    timeout = 10

    def handle(self):
        sink, self._secure, self._known = self.server.sink, False, False
        self._say("220 sink")
        while line := self.rfile.readline(1000).decode("ascii", "replace").strip():
            verb, _, rest = line.partition(" ")
            verb = verb.upper()
            if verb == "QUIT":
                return self._say("221 bye")
            if verb == "STARTTLS":
                self._say("220 go ahead")
                self._encrypt(sink.context)
            elif verb == "AUTH":
                self._known = self._secure and rest == "PLAIN " + base64.b64encode(f"\0{sink.user}\0{sink.password}".encode()).decode()
                self._say("235 welcome" if self._known else "535 who are you?")
            elif verb == "DATA" and self._known:
                self._say("354 end with a dot")
                sink.take(self._body())
                self._say("250 taken")
            else:
                self._say(self._answer(verb))

    def _answer(self, verb):
        if verb == "EHLO":
            return "250-sink\r\n250 AUTH PLAIN" if self._secure else "250-sink\r\n250 STARTTLS"
        if verb in ("MAIL", "RCPT", "DATA") and not self._known:
            return "530 TLS and AUTH first"
        return "250 fine" if verb in ("MAIL", "RCPT", "RSET", "NOOP") else "502 not known"

    def _say(self, text):
        self.wfile.write(f"{text}\r\n".encode())

    def _encrypt(self, context):
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self._secure = True

    def _body(self):
        lines, size = [], 0
        while (line := self.rfile.readline(100_000)) not in (b".\r\n", b""):
            size += len(line)
            if size > LARGEST:
                raise ValueError("an e-mail of more than 10 MB")
            lines.append(line[1:] if line.startswith(b"..") else line)
        return b"".join(lines)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


class MailSink:
    """Listens on localhost:PORT of a namespace, with a certificate of its own for `localhost` (`certificate`: the file)."""

    PORT = 2525

    def __init__(self, namespace, folder, user, password):
        self.user, self.password = user, password
        self.certificate, key = f"{folder}/sink.crt", f"{folder}/sink.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", self.certificate], check=True, capture_output=True)
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.load_cert_chain(self.certificate, key)
        self._lock, self._mails = threading.Lock(), []
        with namespace.inside():
            self._server = _Server(("127.0.0.1", self.PORT), _Session)
        self._server.sink = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def take(self, data):
        with self._lock:
            self._mails.append(email.message_from_bytes(data, policy=email.policy.default))

    def mails(self):
        """All that came, as email.message.EmailMessage."""
        with self._lock:
            return list(self._mails)

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
