#!/usr/bin/python3
"""The texts that bench_codec reads: one tensor a file, of three kinds of numbers, with two kinds of separators.

    texts.py DIRECTORY [--shape 1,64,56,56] [--seed 1]

17digits   random normal float32 as Python prints them: the digits of the float64 of the same value
shortest   the same values with the fewest digits that read back to the same float32
bytes      whole numbers from 0 to 255

Each as NAME.json with the separators of json.dumps (", ") and as NAME-compact.json with bare commas.
"""

import argparse
import json
import pathlib

import numpy


def shortest(array):
    """Nested lists of floats that Python prints with the fewest digits that read back to the same float32.

    No float32 needs more than 9 digits, and a float64 read from at most 15 prints the same digits again.
    """
    array = numpy.asarray(array, numpy.float32)
    values = numpy.array([float(str(value)) for value in array.ravel()], numpy.float64)
    return values.reshape(array.shape).tolist()


def normal(generator, shape):
    return generator.standard_normal(shape, numpy.float32)


def texts(shape, seed):
    """Each kind's name and its nested lists."""
    generator = numpy.random.default_rng(seed)
    values = normal(generator, shape)
    yield "17digits", values.astype(numpy.float64).tolist()
    yield "shortest", shortest(values)
    yield "bytes", generator.integers(0, 256, shape).tolist()


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--shape", default="1,64,56,56", help="sizes, with commas between [%(default)s]")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    shape = tuple(int(size) for size in arguments.shape.split(","))
    arguments.directory.mkdir(parents=True, exist_ok=True)
    for name, values in texts(shape, arguments.seed):
        (arguments.directory / f"{name}.json").write_text(json.dumps(values))
        (arguments.directory / f"{name}-compact.json").write_text(json.dumps(values, separators=(",", ":")))


if __name__ == "__main__":
    main()
