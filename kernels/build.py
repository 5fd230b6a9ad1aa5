#!/usr/bin/env python3
"""Compile the kernels to PTX, or hold what is checked in to it.

usage: python3 kernels/build.py [--check]

Writes kernels/ptx/compute_80.ptx and compute_90.ptx, made by NVRTC of a pinned version (13.0: what newer ones write is
refused by drivers for CUDA 13.0). With --check nothing is written: the bytes are compared, and ptxas tells registers,
shared memory and spills of every kernel; it fails when anything differs or spills. The compilers come as wheels, which
are installed to target/cuda.
"""
import ctypes
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
WHEELS = HERE.parent / "target/cuda"
PINS = ["nvidia-cuda-nvrtc==13.0.88", "nvidia-cuda-nvcc==13.0.88"]
# For each PTX the devices that ptxas is asked about.
TARGETS = {"compute_80": ["sm_80"], "compute_90": ["sm_90"]}
OPTIONS = ["--std=c++17", "-default-device"]


def install():
    if not all((WHEELS / f"{pin.split('==')[0].replace('-', '_')}-{pin.split('==')[1]}.dist-info").is_dir() for pin in PINS):
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--root-user-action=ignore", "--upgrade", "--target", WHEELS, *PINS]
        subprocess.run(list(map(str, command)), check=True)


def compiled(target):
    """The PTX of all kernels."""
    folder = WHEELS / "nvidia/cu13/lib"
    # NVRTC asks for this by name alone: what is loaded already is found.
    ctypes.CDLL(str(folder / "libnvrtc-builtins.so.13.0"), ctypes.RTLD_GLOBAL)
    library = ctypes.CDLL(str(folder / "libnvrtc.so.13"))
    program = ctypes.c_void_p()
    source = (HERE / "judge.cu").read_bytes()
    headers = sorted(HERE.glob("*.cuh"))
    contents = (ctypes.c_char_p * len(headers))(*(header.read_bytes() for header in headers))
    names = (ctypes.c_char_p * len(headers))(*(header.name.encode() for header in headers))
    assert library.nvrtcCreateProgram(ctypes.byref(program), source, b"judge.cu", len(headers), contents, names) == 0
    options = [option.encode() for option in [f"--gpu-architecture={target}", *OPTIONS]]
    failed = library.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
    size = ctypes.c_size_t()
    if failed:
        library.nvrtcGetProgramLogSize(program, ctypes.byref(size))
        log = ctypes.create_string_buffer(size.value)
        library.nvrtcGetProgramLog(program, log)
        sys.exit(log.value.decode())
    library.nvrtcGetPTXSize(program, ctypes.byref(size))
    text = ctypes.create_string_buffer(size.value)
    library.nvrtcGetPTX(program, text)
    library.nvrtcDestroyProgram(ctypes.byref(program))
    return text.value


def resources(ptx, device):
    """What ptxas says of each kernel; exits when one spills."""
    with tempfile.TemporaryDirectory() as folder:
        command = [WHEELS / "nvidia/cu13/bin/ptxas", "-v", f"-arch={device}", "-o", f"{folder}/out", ptx]
        log = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stderr
    kernels = re.findall(
        r"Function properties for (\w+)\n\s*(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads\n"
        r".*?Used (\d+) registers(.*)", log)
    spilled = []
    for name, stack, stores, loads, registers, more in kernels:
        shared = re.search(r"(\d+) bytes smem", more)
        print(f"{device} {name:20} {registers:>3} registers, {shared[1] if shared else 0:>5} bytes shared, "
              f"{stack} stack, {stores} + {loads} spilled")
        if int(stores) or int(loads):
            spilled.append(name)
    if not kernels or spilled:
        sys.exit(f"{device}: spills in {', '.join(spilled) or 'an unknown number of kernels: ptxas said nothing'}")


def main():
    install()
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        sys.exit(__doc__)
    for target, devices in TARGETS.items():
        path = HERE / f"ptx/{target}.ptx"
        ptx = compiled(target)
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(ptx)
        elif path.read_bytes() != ptx:
            sys.exit(f"{path} is not what the kernels compile to: run python3 kernels/build.py and commit it")
        for device in devices:
            resources(path, device)
    print("the PTX is what the kernels compile to, and nothing spills")


main()
