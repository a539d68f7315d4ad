#!/usr/bin/python3
"""scripts/lib/frame_seeds.py and coverage_table.py: what they make of a capture, and of an lcov file."""
import os
import struct
import subprocess
import sys
import tempfile
import unittest

LIB = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'scripts', 'lib')
FRAMES = [bytes(range(60)), b'\xff' * 14, b'\x01' * 7000]


def run(name, *arguments):
    done = subprocess.run([sys.executable, os.path.join(LIB, name), *arguments], capture_output=True, text=True,
                          check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr


def read(*path):
    with open(os.path.join(*path), 'rb') as file:
        return file.read()


class FrameSeeds(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def make(self, order):
        pcap = os.path.join(self.folder.name, 'frames.pcap')
        with open(pcap, 'wb') as file:
            file.write(struct.pack(order + 'IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
            for frame in FRAMES:
                file.write(struct.pack(order + 'IIII', 0, 0, len(frame), len(frame)) + frame)
        return pcap

    def test_every_frame_in_either_byte_order(self):
        for order in '<>':
            out = os.path.join(self.folder.name, 'out' + str(ord(order)))
            self.assertEqual(run('frame_seeds.py', self.make(order), out), (0, ''))
            for number, frame in enumerate(FRAMES):
                self.assertEqual(read(out, 'parse', f'{number:05}'), b'\x02\0\0\0\0\x01' + frame[6:])

    def test_steps_hold_each_frame_twice(self):
        out = os.path.join(self.folder.name, 'out')
        run('frame_seeds.py', self.make('<'), out)
        found = []
        for name in sorted(os.listdir(os.path.join(out, 'pipeline'))):
            data = read(out, 'pipeline', name)[3:]
            while data:
                how, _, size = struct.unpack_from('>BBH', data)
                found.append((how, data[4:4 + size]))
                data = data[4 + size:]
        wanted = [(how, b'\x02\0\0\0\0\x01' + frame[6:]) for frame in FRAMES for how in (1, 0)]
        self.assertEqual(found, wanted)

    def test_what_is_no_capture(self):
        path = os.path.join(self.folder.name, 'text')
        with open(path, 'w', encoding='ascii') as file:
            file.write('not a capture')
        status, text = run('frame_seeds.py', path, self.folder.name)
        self.assertNotEqual(status, 0)
        self.assertIn('is no pcap file', text)


class CoverageTable(unittest.TestCase):
    def test_rows_and_missed_lines(self):
        with tempfile.TemporaryDirectory() as root:
            os.mkdir(os.path.join(root, 'dataplane'))
            for name in ('a.cc', 'b.cc', 'dpdk_x.cc', 'never.cc'):
                with open(os.path.join(root, 'dataplane', name), 'w', encoding='ascii'):
                    pass
            info = os.path.join(root, 'all.info')
            with open(info, 'w', encoding='ascii') as file:
                for name, lines in (('a.cc', {1: 1, 2: 0, 3: 0, 4: 7, 9: 0}), ('b.cc', {1: 2}), ('dpdk_x.cc', {1: 0})):
                    file.write(f'SF:{root}/dataplane/{name}\n')
                    file.write(''.join(f'DA:{line},{hits}\n' for line, hits in lines.items()) + 'end_of_record\n')
                # Another program reached a line of the same file.
                file.write(f'SF:{root}/dataplane/a.cc\nDA:9,3\nend_of_record\n')
            status, text = run('coverage_table.py', info, root)
        self.assertEqual(status, 0)
        rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.startswith('dataplane/')}
        self.assertEqual(rows['dataplane/a.cc'], ['5', '3', '60.00'])
        self.assertEqual(rows['dataplane/b.cc'], ['1', '1', '100.00'])
        self.assertIn('dataplane/ without dpdk_*', text)
        self.assertIn('  dataplane/a.cc: 2-3\n', text)
        self.assertIn('in none of these programs: dataplane/dpdk_x.cc dataplane/never.cc', text)
        self.assertIn('less than the 95 %', text)
        self.assertNotIn('dataplane/dpdk_x.cc  ', text)


if __name__ == '__main__':
    unittest.main()
