"""scripts/lib/hugepages.sh: as many as before, whatever happened in between. On files of our own, not the kernel's."""
import os
import subprocess
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
LIBRARIES = os.path.join(HERE, '..', '..', 'scripts', 'lib')
# The kernel's free pages follow the total; a plain file doesn't, so that the pages here seem to be in use by others.
SCRIPT = 'set -euo pipefail; . "$0/say.sh"; hugepages=$1; . "$0/hugepages.sh"; trap release_hugepages EXIT; trap "exit 143" TERM; '


class Hugepages(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, name, number):
        with open(os.path.join(self.folder, name), 'w', encoding='ascii') as out:
            out.write(f'{number}\n')

    def total(self):
        with open(os.path.join(self.folder, 'nr_hugepages'), encoding='ascii') as text:
            return int(text.read())

    def start(self, script):
        return subprocess.Popen(['bash', '-c', SCRIPT + script, LIBRARIES, self.folder], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True)

    def run_bash(self, script):
        program = self.start(script)
        printed, _ = program.communicate(timeout=60)
        return program.returncode, printed

    def test_the_missing_ones_are_added_and_taken_off(self):
        self.write('nr_hugepages', 10)
        self.write('free_hugepages', 4)
        status, printed = self.run_bash('reserve_hugepages 6; cat "$hugepages/nr_hugepages"')
        self.assertEqual((status, printed.splitlines()[-1]), (0, '12'))
        self.assertEqual(self.total(), 10)

    def test_enough_are_free(self):
        self.write('nr_hugepages', 10)
        self.write('free_hugepages', 8)
        self.assertEqual(self.run_bash('reserve_hugepages 8; cat "$hugepages/nr_hugepages"'), (0, '10\n'))
        self.assertEqual(self.total(), 10)

    def test_never_more_than_half_of_the_memory(self):
        self.write('nr_hugepages', 0)
        self.write('free_hugepages', 0)
        _, printed = self.run_bash('reserve_hugepages 1000000000; cat "$hugepages/nr_hugepages"')
        with open('/proc/meminfo', encoding='ascii') as text:
            kib = int(next(line for line in text if line.startswith('MemTotal')).split()[1])
        self.assertLessEqual(int(printed.splitlines()[-1]), kib // 4096)
        self.assertEqual(self.total(), 0)

    def test_a_failure_and_a_signal_put_back(self):
        for script, ended in (('false', 1), ('kill -TERM $$; sleep 30', 143)):
            self.write('nr_hugepages', 3)
            self.write('free_hugepages', 0)
            self.assertEqual(self.run_bash(f'reserve_hugepages 5; {script}')[0], ended)
            self.assertEqual(self.total(), 3)

    def test_what_others_added_meanwhile_stays(self):
        self.write('nr_hugepages', 3)
        self.write('free_hugepages', 0)
        self.run_bash('reserve_hugepages 5; echo 100 > "$hugepages/nr_hugepages"')
        self.assertEqual(self.total(), 95)

    def test_without_the_kernels_files(self):
        status, printed = self.run_bash('reserve_hugepages 5')
        self.assertEqual(status, 0)
        self.assertIn('no 2 MiB pages', printed)


if __name__ == '__main__':
    unittest.main()
