#!/usr/bin/python3
"""Completion: the scripts have every verb and option, their shells read them, and a real bash completes with them.

    completion_test.py SHUNTCTL
"""

import os
import pty
import select
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import command_line

SHUNTCTL = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "shuntctl"
SHELLS = {"bash": ["-n"], "zsh": ["-n"], "fish": ["--no-execute"]}

# Asks the function as bash does: the line, cursor at its end. (COMP_WORDS isn't used.)
ASK = 'source "$1"; COMP_LINE=$2; COMP_POINT=${#2}; _shuntctl; ((${#COMPREPLY[@]} == 0)) || printf "%s\\n" "${COMPREPLY[@]}"'


def script_of(shell):
    return subprocess.run([SHUNTCTL, "completion", shell], capture_output=True, text=True, timeout=30, check=True).stdout


class Completion(unittest.TestCase):
    unread = ""  # by read_until

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.scripts = {}
        for shell in SHELLS:
            cls.scripts[shell] = os.path.join(cls.folder.name, shell)
            with open(cls.scripts[shell], "w", encoding="utf-8") as file:
                file.write(script_of(shell))
        cls.verbs = command_line.verbs_of(SHUNTCTL)

    def text(self, shell):
        with open(self.scripts[shell], encoding="utf-8") as file:
            return file.read()

    def complete(self, line, environment=None):
        done = subprocess.run(["bash", "--norc", "-c", ASK, "ask", self.scripts["bash"], line], capture_output=True, text=True,
                              timeout=30, check=False, cwd=self.folder.name, env={**os.environ, **(environment or {})})
        self.assertEqual((done.returncode, done.stderr), (0, ""), line)
        return done.stdout.split()

    def test_each_shell_reads_its_script(self):
        for shell, check in SHELLS.items():
            with self.subTest(shell=shell):
                if shutil.which(shell) is None:
                    self.skipTest(f"{shell} isn't installed")
                done = subprocess.run([shell, *check, self.scripts[shell]], capture_output=True, text=True, timeout=30, check=False)
                self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    @unittest.skipIf(shutil.which("shellcheck") is None, "shellcheck isn't installed")
    def test_shellcheck_is_content(self):
        done = subprocess.run(["shellcheck", "-s", "bash", self.scripts["bash"]], capture_output=True, text=True, timeout=60,
                              check=False)
        self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_every_verb_and_option_is_in_each_script(self):
        self.assertGreater(len(self.verbs), 20)
        for verb in self.verbs:
            options = command_line.options_of(SHUNTCTL, verb)
            self.assertIn("--help", options)
            for shell in SHELLS:
                words = self.text(shell).replace("'", " ").replace("[", " ").split()
                with self.subTest(shell=shell, verb=verb):
                    self.assertTrue(verb in words or f"{verb})" in words or f"{verb}:" in self.text(shell))
                    for option in options:
                        name = f"-l {option[2:]} " if option.startswith("--") else f"-s {option[1:]} "
                        self.assertTrue(name in self.text(shell) if shell == "fish" else option in words, option)

    def test_bash_completes_every_verb_and_option(self):
        self.assertEqual(sorted(self.complete("shuntctl ")), sorted(self.verbs))
        own = command_line.options_of(SHUNTCTL)
        self.assertEqual(set(self.complete("shuntctl -")), own)
        for verb in self.verbs:
            with self.subTest(verb=verb):
                self.assertIn(verb, self.complete(f"shuntctl {verb[:2]}"))
                self.assertEqual(set(self.complete(f"shuntctl {verb} -")), own | command_line.options_of(SHUNTCTL, verb))

    def test_bash_completes_values(self):
        with open(os.path.join(self.folder.name, "lb.toml"), "w", encoding="utf-8"):
            pass
        for line, wanted in {
            "shuntctl token ci --role op": ["operator"],
            "shuntctl completion ": ["bash", "zsh", "fish"],
            "shuntctl completion z": ["zsh"],
            "shuntctl check lb": ["lb.toml"],
            "shuntctl --config lb": ["lb.toml"],
            "shuntctl --config lb.toml dra": ["drain"],
            "shuntctl --api unix:/run/x.sock dra": ["drain"],
            "shuntctl flows --limit ": [],
            "shuntctl status ": [],
        }.items():
            with self.subTest(line=line):
                self.assertEqual(self.complete(line), wanted)

    def test_bash_completes_names_of_the_running_shuntd(self):
        with command_line.Shuntd() as shuntd:
            for by in ("option", "environment"):
                program = SHUNTCTL + (f" --api unix:{shuntd.path}" if by == "option" else "")
                environment = {} if by == "option" else {"SHUNT_API": f"unix:{shuntd.path}"}
                for line, wanted in {
                    "drain ": ["web/web-1", "web/web-2", "far/far-1"],
                    "drain web/web-1 fa": ["far/far-1"],
                    "weight web/web-2 ": [],
                    "backends ": ["web", "dns:udp", "far"],
                    "latency we": ["web"],
                    "latency dns:": ["udp"],  # bash replaces what stands behind the colon
                    "rollback ": ["7"],
                }.items():
                    with self.subTest(line=line, by=by):
                        self.assertEqual(self.complete(f"{program} {line}", environment), wanted)
        self.assertEqual(self.complete(f"{SHUNTCTL} --api unix:{shuntd.path} drain "), [])

    def test_an_interactive_bash(self):
        """Tab after `shuntctl dra` and then after the first letters of a backend."""
        with command_line.Shuntd() as shuntd:
            child, terminal = pty.fork()
            if child == 0:
                os.environ.update(PATH=f"{os.path.dirname(SHUNTCTL)}:{os.environ['PATH']}", SHUNT_API=f"unix:{shuntd.path}",
                                  PS1="ready> ", TERM="dumb", INPUTRC="/dev/null", HISTFILE="/dev/null")
                os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
            try:
                self.read_until(terminal, "ready> ")
                os.write(terminal, f"source {self.scripts['bash']}; echo sourced $?\n".encode())
                self.read_until(terminal, "sourced 0\r\nready> ")
                os.write(terminal, b"shuntctl dra\t")
                self.read_until(terminal, "shuntctl drain ")
                os.write(terminal, b"far\t")
                self.read_until(terminal, "far/far-1 ")
            finally:
                os.kill(child, 9)
                os.waitpid(child, 0)
                os.close(terminal)

    @unittest.skipIf(shutil.which("fish") is None, "fish isn't installed")
    def test_fish_completes(self):
        with command_line.Shuntd() as shuntd:
            program = f"shuntctl --api unix:{shuntd.path}"
            for line, wanted in {"shuntctl dra": ["drain"], f"{program} dra": ["drain"], f"{program} drain fa": ["far/far-1"],
                                 f"{program} rollback ": ["7"], "shuntctl token ci --role op": ["operator"],
                                 "shuntctl flows --fa": ["--failed"]}.items():
                with self.subTest(line=line):
                    done = subprocess.run(["fish", "--no-config", "-c", 'source $argv[1]; complete -C $argv[2]', self.scripts["fish"], line],
                                          capture_output=True, text=True, timeout=60, check=False, env=self.environment(shuntd))
                    self.assertEqual([one.split("\t")[0] for one in done.stdout.splitlines()], wanted, done.stderr)

    @unittest.skipIf(shutil.which("zsh") is None, "zsh isn't installed")
    def test_an_interactive_zsh(self):
        """As for bash; what the line became is what the command is called with."""
        with command_line.Shuntd() as shuntd:
            child, terminal = pty.fork()
            if child == 0:
                os.environ.update(self.environment(shuntd), TERM="vt100")
                os.execvp("zsh", ["zsh", "-f", "-i"])
            try:
                os.write(terminal, b"PS1='ready> '; shuntctl() { [[ $1 == names ]] && command shuntctl $@ || echo called:$*: }; "
                         b"autoload -Uz compinit; compinit -u -D; source " + self.scripts["zsh"].encode() + b"; echo sourced $?\n")
                self.read_until(terminal, "sourced 0")
                self.read_until(terminal, "ready> ")
                os.write(terminal, b"shuntctl dra\tfar\t\n")
                self.read_until(terminal, "called:drain far/far-1:")
            finally:
                os.kill(child, 9)
                os.waitpid(child, 0)
                os.close(terminal)

    def environment(self, shuntd):
        return {**os.environ, "PATH": f"{os.path.dirname(SHUNTCTL)}:{os.environ['PATH']}", "SHUNT_API": f"unix:{shuntd.path}",
                "HOME": self.folder.name}

    def read_until(self, terminal, text):
        """What comes behind `text` is for the next call."""
        seen = self.unread
        deadline = time.monotonic() + 20
        while text not in seen:
            ready, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
            self.assertTrue(ready, f"waited for {text!r}, saw {seen!r}")
            seen += os.read(terminal, 4096).decode(errors="replace")
        self.unread = seen.split(text, 1)[1]


if __name__ == "__main__":
    unittest.main()
