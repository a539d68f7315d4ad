#!/usr/bin/python3
"""library_test.py SHUNTD FOREIGN LEVEL=LIBRARY...: the builds of libshunt-dataplane.so hold what they should, and no more.

- Only the way in is visible: no inline function or template that was built for a newer CPU can serve shuntd.
- DPDK is in the process once: the libraries have none of its variables, and shuntd offers each of its symbols that they want.
- A library has no instruction of a later level than its own: a CPU that has just that level can run it.
- FOREIGN, a library with other structs than shuntd's, is refused at start.
"""

import os
import pathlib
import re
import subprocess
import sys
import unittest

WAY_IN = re.compile(r"shunt::(DpdkWorkerThread::(~?DpdkWorkerThread|start|stop|ledger)|cpu_variant)\(.*")
DPDK = re.compile(r"(__)?(rte_|per_lcore_)")
# What came after a level. v3: AVX and AVX2 (names that begin with v, 256 bits), BMI1 and 2, MOVBE; v4: 512 bits, masks, registers
# from 16 on. No level has VAES or GFNI, which Skylake-SP lacks. (tzcnt isn't listed: older CPUs run it as bsf, and compilers rely on that.)
LATER = {"x86-64-v2": re.compile(r"%[yz]mm|%k[0-7]|\tv[a-z]|\t(mulx|rorx|s[ah][lr]x|pdep|pext|bzhi|andn|bls\w+|bextr|movbe) "),
         "x86-64-v3": re.compile(r"%zmm|%k[0-7]|%[xy]mm(1[6-9]|2\d|3[01])"),
         "x86-64-v4": re.compile(r"\t(vaes|vpclmul).*%[yz]mm|\tvgf2p8")}

ROOT = pathlib.Path(__file__).resolve().parents[2]

shuntd = foreign = ""
libraries = {}


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def symbols(file, *options):
    """[(kind, name)]: the kind is nm's letter, U for what isn't there."""
    return [tuple(line.split()[-2:]) for line in run("nm", *options, file).splitlines()]


def plain(names):
    return {name.partition("@")[0] for name in names}


class Library(unittest.TestCase):
    def test_only_the_way_in_is_visible(self):
        for level, file in libraries.items():
            with self.subTest(level=level):
                lines = run("nm", "-DC", "--defined-only", file).splitlines()
                names = [line.split(maxsplit=2)[2] for line in lines]
                self.assertTrue(names)
                self.assertEqual([name for name in names if not WAY_IN.fullmatch(name.removesuffix(" const"))], [])

    def test_dpdk_is_in_shuntd_alone(self):
        offered = plain(name for _, name in symbols(shuntd, "-D", "--defined-only"))
        for level, file in libraries.items():
            with self.subTest(level=level):
                wanted = {name for _, name in symbols(file, "-D", "--undefined-only") if DPDK.match(name)}
                self.assertIn("rte_eth_fp_ops", wanted)
                self.assertIn("per_lcore__lcore_id", wanted)
                self.assertEqual(wanted - offered, set(), "shuntd doesn't offer them")
                own = [name for kind, name in symbols(file, "--defined-only") if kind in "BbDdGgSsRr" and DPDK.match(name)]
                self.assertEqual(own, [], "a second copy of DPDK")

    def test_shuntd_offers_no_more_of_dpdk_than_that(self):
        wanted = set()
        for file in libraries.values():
            wanted |= {name for _, name in symbols(file, "-D", "--undefined-only")}
        offered = {name for name in plain(name for _, name in symbols(shuntd, "-D", "--defined-only")) if DPDK.match(name)}
        self.assertEqual(offered - wanted, set())

    def test_no_instruction_of_a_later_level(self):
        for level, file in libraries.items():
            with self.subTest(level=level):
                code = run("objdump", "-d", "--no-show-raw-insn", file).splitlines()
                self.assertTrue(any("aesenc" in line for line in code), "no hash in there?")
                self.assertEqual([line for line in code if LATER[level].search(line)][:5], [])

    def test_levels_differ(self):
        self.assertEqual(set(libraries), set(LATER))
        for level, file in libraries.items():
            with self.subTest(level=level):
                with open(file, "rb") as library:
                    text = library.read()
                named = {other for other in LATER if f"\0{other}\0".encode() in text}
                self.assertEqual(named, {level})

    def test_a_foreign_library_is_refused(self):
        environment = dict(os.environ, LD_LIBRARY_PATH=os.path.dirname(foreign))  # comes before shuntd's RUNPATH
        done = subprocess.run([shuntd, "--config", ROOT / "configs" / "minimal.toml"], env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 1, done)
        self.assertIn("libshunt-dataplane.so is of another build than shuntd", done.stdout + done.stderr)


if __name__ == "__main__":
    shuntd, foreign = sys.argv[1:3]
    libraries = dict(word.split("=", 1) for word in sys.argv[3:])
    unittest.main(argv=sys.argv[:1], verbosity=2)
