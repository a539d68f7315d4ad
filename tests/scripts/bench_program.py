"""PROGRAM [ARGUMENT...]: runs a bench with --quick and small sizes, and asks whether it printed good rows. What a test of a
bench can say: its proofs held, and its output can be merged. No time is looked at.
"""
import importlib.util
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SPEC = importlib.util.spec_from_file_location(
    'bench_report', os.path.join(HERE, '..', '..', 'scripts', 'lib', 'bench_report.py'))
bench_report = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(bench_report)


def main():
    command = sys.argv[1:] + ['--quick', '--max-flows', '1000']
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if ended.returncode != 0:
        return f'{command} ended with status {ended.returncode}'
    try:
        rows = bench_report.load_rows(ended.stdout)
    except bench_report.BadRows as error:
        return f'{command}: {error}'
    names = {row['bench'] for row in rows}
    wanted = os.path.basename(sys.argv[1]).removesuffix('.py').removesuffix('_bench')
    if names != {wanted}:
        return f'rows of {names}, not of {wanted}'
    # A filter that names a row leaves rows, one that names none is an error.
    some = subprocess.run(command + ['--filter', rows[0]['case']], stdout=subprocess.PIPE, text=True, check=False)
    if some.returncode != 0 or rows[0]['case'] not in {row['case'] for row in bench_report.load_rows(some.stdout)}:
        return f'--filter {rows[0]["case"]} leaves nothing'
    none = subprocess.run(command + ['--filter', 'no such row'], stdout=subprocess.PIPE, text=True, check=False)
    return None if none.returncode == 1 else '--filter "no such row" is no error'


if __name__ == '__main__':
    sys.exit(main())
