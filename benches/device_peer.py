#!/usr/bin/env python3
"""Time what people use for cross-correlation on a graphics processor: rfft2, multiply, irfft2, amax, by PyTorch.

usage: python3 benches/device_peer.py ROLLS…

ROLLS are files that `cargo run --release --example device -- --rolls OUT FOLDER…` writes. Two ways are timed on all
pairs of up to 256 rolls: *plain*, every roll with all 128 pitches, as piano rolls usually are kept, and *trimmed*,
the lit rows alone and rolls of like size together, which is the best that can be made of it. Spectra are computed
once; each pair is a product, an inverse transform and a maximum. Prints seconds, pairs a second, and how far the
brightness is from the exact one at most.
"""
import pathlib
import struct
import sys

import numpy
import torch


def read(path):
    data, at, rolls = pathlib.Path(path).read_bytes(), 0, []
    while at < len(data):
        low, rows, columns = struct.unpack_from("<iII", data, at)
        at += 12
        rolls.append((low, numpy.frombuffer(data, numpy.uint8, rows * columns, at).reshape(rows, columns)))
        at += rows * columns
    return rolls


def fast(length):
    """The next length of factors 2, 3 and 5."""
    while True:
        rest = length
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return length
        length += 1


def spectra(images, size):
    batch = numpy.zeros((len(images), *size), numpy.float32)
    for place, image in zip(batch, images):
        place[: image.shape[0], : image.shape[1]] = image
    return torch.fft.rfft2(torch.from_numpy(batch).cuda())


def correlate(left, right):
    """The greatest brightness of all pairs of two lists of images."""
    rows = fast(max(i.shape[0] for i in left) + max(i.shape[0] for i in right) - 1)
    columns = fast(max(i.shape[1] for i in left) + max(i.shape[1] for i in right) - 1)
    x, k = spectra(left, (rows, columns)), spectra(right, (rows, columns)).conj()
    at_once = max(1, (1 << 28) // (len(right) * rows * columns))
    found = []
    for first in range(0, len(left), at_once):
        product = x[first : first + at_once, None] * k[None]
        found.append(torch.fft.irfft2(product, s=(rows, columns)).amax((-2, -1)))
    return torch.cat(found)


def timed(work):
    work()
    torch.cuda.synchronize()
    times = []
    for _ in range(3):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        result = work()
        end.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(end) / 1e3)
    return min(times), result


def dense():
    """Soft pictures of 128 x 256 pixels, as the example makes them: spectra at hand, all transpositions."""
    pictures = numpy.random.default_rng(1).random((320, 128, 256), numpy.float32) ** 4
    x, k = spectra(pictures[:64], (256, 512)), spectra(pictures[64:], (256, 512)).conj()

    def work():
        return [torch.fft.irfft2(x[i : i + 4, None] * k[None], s=(256, 512)).amax((-2, -1)) for i in range(0, 64, 4)]

    seconds, _ = timed(work)
    pairs = 64 * 256
    print(f"soft pictures, 128 x 256: {1e6 * seconds / pairs:.4f} us a pair, {pairs / seconds:.4g} pairs a second")


def main():
    print(f"PyTorch {torch.__version__} on {torch.cuda.get_device_name()}")
    dense()
    for path in sys.argv[1:]:
        rolls = read(path)
        rolls = rolls[:: max(1, len(rolls) // 256)][:256]
        pairs = len(rolls) ** 2
        plain = [numpy.pad(image, ((low, 128 - low - len(image)), (0, 0))) for low, image in rolls]
        trimmed = sorted((image for _, image in rolls), key=lambda image: image.shape[1])
        groups = [trimmed[first : first + 32] for first in range(0, len(trimmed), 32)]
        seconds, _ = timed(lambda: correlate(plain, plain))
        print(f"{path}: plain   {pairs} pairs in {seconds:.4f} s, {pairs / seconds:.4g} a second")
        seconds, found = timed(lambda: [correlate(left, right) for left in groups for right in groups])
        print(f"{path}: trimmed {pairs} pairs in {seconds:.4f} s, {pairs / seconds:.4g} a second")
        # A roll with itself is as bright as it is large.
        own = torch.cat([found[i * len(groups) + i].diagonal() for i in range(len(groups))]).cpu().numpy()
        print(f"    error {abs(own - numpy.array([image.sum() for image in trimmed])).max():.2g}")


main()
