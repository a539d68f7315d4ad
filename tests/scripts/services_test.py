"""scripts/lib/services.sh: policy-rc.d is as before after an installation, however that ended; services of new packages stay off."""
import os
import signal
import subprocess
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
LIBRARY = os.path.join(HERE, '..', '..', 'scripts', 'lib', 'services.sh')


class Services(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.policy = os.path.join(self.folder, 'policy-rc.d')

    def start(self, script):
        return subprocess.Popen(['bash', '-euc', f'. "$0"; {script}', LIBRARY, self.policy], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True)

    def run_bash(self, script):
        program = self.start(script)
        program.communicate(timeout=60)
        return program.returncode

    def write(self, text, mode=0o750):
        with open(self.policy, 'w', encoding='utf-8') as out:
            out.write(text)
        os.chmod(self.policy, mode)

    def read(self):
        with open(self.policy, encoding='utf-8') as text:
            return text.read()

    def assert_only_policy_left(self):
        self.assertEqual(os.listdir(self.folder), ['policy-rc.d'])

    def test_while_held_no_service_may_start(self):
        self.write('#!/bin/sh\nexit 0\n')
        self.assertEqual(self.run_bash('hold_services "$1"'), 0)
        self.assertEqual(subprocess.run([self.policy, 'nginx', 'start'], check=False).returncode, 101)

    def test_the_machines_own_comes_back(self):
        self.write('#!/bin/sh\nexit 7\n')
        self.assertEqual(self.run_bash('hold_services "$1"; release_services "$1"; release_services "$1"'), 0)
        self.assertEqual(self.read(), '#!/bin/sh\nexit 7\n')
        self.assertEqual(os.stat(self.policy).st_mode & 0o777, 0o750)
        self.assert_only_policy_left()

    def test_a_link_comes_back_as_a_link(self):
        os.symlink('/nowhere/policy', self.policy)
        self.assertEqual(self.run_bash('hold_services "$1"; release_services "$1"'), 0)
        self.assertEqual(os.readlink(self.policy), '/nowhere/policy')
        self.assert_only_policy_left()

    def test_none_before_none_after(self):
        self.assertEqual(self.run_bash('hold_services "$1"; release_services "$1"'), 0)
        self.assertEqual(os.listdir(self.folder), [])

    def test_release_without_hold_changes_nothing(self):
        self.write('mine')
        self.assertEqual(self.run_bash('release_services "$1"'), 0)
        self.assertEqual(self.read(), 'mine')

    def test_after_a_kill_the_next_run_puts_it_back(self):
        self.write('mine')
        program = self.start('hold_services "$1"; echo held; read -r')
        self.assertEqual(program.stdout.readline(), 'held\n')
        program.kill()
        program.communicate(timeout=60)
        self.assertNotEqual(self.read(), 'mine')
        self.assertEqual(self.run_bash('hold_services "$1"; release_services "$1"'), 0)
        self.assertEqual(self.read(), 'mine')
        self.assert_only_policy_left()

    def test_after_a_signal_or_an_error_the_trap_puts_it_back(self):
        traps = 'trap \'release_services "$1"\' EXIT; trap "exit 130" INT; trap "exit 143" TERM; hold_services "$1";'
        for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            self.write('mine')
            program = self.start(f'{traps} echo held; read -r')
            self.assertEqual(program.stdout.readline(), 'held\n')
            program.send_signal(number)
            program.communicate(timeout=60)
            self.assertEqual((program.returncode, self.read()), (status, 'mine'))
        self.assertEqual(self.run_bash(f'{traps} false'), 1)
        self.assertEqual(self.read(), 'mine')
        self.assert_only_policy_left()

    def test_services_of_new_packages_are_disabled(self):
        # In the shell's functions stand a package with two units that are on, one that is off and a template.
        script = r"""
            say() { echo "$@"; }
            dpkg-query() { printf '%s\n' /usr/bin/new /lib/systemd/system/new.service /usr/lib/systemd/system/new.timer \
              /lib/systemd/system/off.service /lib/systemd/system/each@.service /etc/new.service; }
            systemctl() { case $1 in
              is-enabled) [ "$3" != off.service ] ;;
              disable) shift 2; echo "disabled $*" ;;
            esac; }
            disable_services new"""
        program = self.start(script)
        told = program.communicate(timeout=60)[0].splitlines()
        self.assertEqual((program.returncode, told[0]), (0, 'disabled new.service new.timer'))
        self.assertIn('new.service new.timer', told[1])

    def test_nothing_to_disable(self):
        program = self.start('say() { echo "$@"; }; systemctl() { return 1; }; disable_services "no such package"')
        self.assertEqual((program.communicate(timeout=60)[0], program.returncode), ('', 0))


if __name__ == '__main__':
    unittest.main()
