"""Benchmark of the operators: the same as `i2ikit bench ops`.

python benchmarks/ops.py [--threads 2] [--only up2] [--compile] [--json FILE]
"""

from __future__ import annotations

from i2ikit.cli.bench import bench_ops

if __name__ == "__main__":
    bench_ops()
