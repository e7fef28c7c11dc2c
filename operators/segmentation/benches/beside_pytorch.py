"""The U-Net and single layers beside PyTorch's, in one run, as Markdown.

    cargo build --release --workspace && cargo build --release --workspace --example layer_timing
    python operators/segmentation/benches/beside_pytorch.py target/release

Both run on two threads and take turns, and each number is the best of all turns. A training step
is a forward pass, the mean square of the output, and the gradients of all parameters.

With `--device cuda:0` and an executable that has CUDA: the U-Net alone, on that GPU, in f32, tf32
and bf16, the last by autocast in PyTorch; cuDNN may search for its fastest algorithms there, where
renalflow takes deterministic ones.
"""

import argparse
import os
import subprocess
import time

import torch
from torch import nn

THREADS, TURNS = 2, 3
LAYERS = [(16, (64, 96, 96)), (32, (32, 48, 48)), (64, (16, 24, 24)), (128, (8, 12, 12))]
FEATURES = (16, 32, 64, 128)


class Block(nn.Sequential):
    def __init__(self, channels_in, channels_out, stride=1):
        super().__init__(
            nn.Conv3d(channels_in, channels_out, 3, stride, 1),
            nn.InstanceNorm3d(channels_out, affine=True),
            nn.LeakyReLU(0.01, inplace=True),
        )


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        ins = (1, *FEATURES[:-1])
        self.down = nn.ModuleList(
            nn.Sequential(Block(i, o, 2 if k else 1), Block(o, o))
            for k, (i, o) in enumerate(zip(ins, FEATURES))
        )
        pairs = list(zip(FEATURES[:0:-1], FEATURES[-2::-1]))
        self.up = nn.ModuleList(nn.ConvTranspose3d(i, o, 2, 2) for i, o in pairs)
        self.join = nn.ModuleList(nn.Sequential(Block(2 * o, o), Block(o, o)) for _, o in pairs)
        self.head = nn.Conv3d(FEATURES[0], 3, 1)

    def forward(self, x):
        skips = []
        for stage in self.down:
            x = stage(x)
            skips.append(x)
        skips.pop()
        for up, join in zip(self.up, self.join):
            x = join(torch.cat([up(x), skips.pop()], 1))
        return self.head(x)


def best(run, repeats=5):
    run()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def their_unet(device="cpu", precision="f32", repeats=5):
    network, x = UNet().to(device), torch.randn(1, 1, 64, 96, 96, device=device)
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    narrow = torch.autocast(torch.device(device).type, torch.bfloat16, enabled=precision == "bf16")
    done = torch.cuda.synchronize if network.head.weight.is_cuda else lambda: None

    def forward():
        with torch.inference_mode(), narrow:
            network(x)
        done()

    def step():
        network.zero_grad(set_to_none=True)
        with narrow:
            loss = network(x).square().mean()
        loss.backward()
        done()

    return {"U-Net forward": best(forward, repeats), "U-Net train": best(step, repeats)}


def theirs():
    times = their_unet()
    for channels, size in LAYERS:
        conv = nn.Conv3d(channels, channels, 3, padding=1)
        y = torch.randn(1, channels, *size, requires_grad=True)
        out = conv(y)
        grad = torch.randn_like(out)
        with torch.inference_mode():
            times[f"{channels} forward"] = best(lambda: conv(y))
        times[f"{channels} to_input"] = best(
            lambda: torch.autograd.grad(out, y, grad, retain_graph=True))
        times[f"{channels} to_weight"] = best(
            lambda: torch.autograd.grad(out, conv.weight, grad, retain_graph=True))
    return times


def times_of(command, environment=os.environ):
    run = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    split = (line.rsplit(maxsplit=1) for line in run.stdout.splitlines())
    return {name: float(seconds) for name, seconds in split}


def our_unet(folder, *options):
    return [os.path.join(folder, "renalflow"), "bench", "unet", *options]


def ours(folder):
    times = {}
    environment = {**os.environ, "RAYON_NUM_THREADS": str(THREADS)}
    programs = (
        (our_unet(folder, "--device", "cpu"), "U-Net "),
        ([os.path.join(folder, "examples", "layer_timing")], ""),
    )
    for command, prefix in programs:
        for name, seconds in times_of(command, environment).items():
            times[prefix + name] = seconds
    return times


def fastest(turns, *runs):
    """The best times of each of `runs`, which take turns."""
    all_times = [{} for _ in runs]
    for _ in range(turns):
        for into, run in zip(all_times, runs):
            for name, seconds in run().items():
                into[name] = min(seconds, into.get(name, float("inf")))
    return all_times


def on_gpu(folder, device):
    print(f"| {torch.cuda.get_device_name(device)} | PyTorch {torch.__version__} (ms) "
          "| renalflow (ms) | ratio |")
    print("|---|---|---|---|")
    for precision in ("f32", "tf32", "bf16"):
        options = ("--device", device, "--precision", precision, "--repeats", "30")
        all_theirs, all_ours = fastest(
            TURNS,
            lambda: their_unet(device, precision, repeats=30),
            lambda: times_of(our_unet(folder, *options)),
        )
        for name, seconds in all_theirs.items():
            mine = all_ours[name.removeprefix("U-Net ")]
            print(f"| {name}, {precision} | {1e3 * seconds:.2f} | {1e3 * mine:.2f} "
                  f"| {seconds / mine:.2f} |")


def on_cpu(folder):
    torch.set_num_threads(THREADS)
    all_theirs, all_ours = fastest(TURNS, theirs, lambda: ours(folder))
    print(f"| | PyTorch {torch.__version__} (ms) | renalflow (ms) | ratio | renalflow GFLOP/s |")
    print("|---|---|---|---|---|")
    flops = {str(c): 54 * c * c * d * h * w for c, (d, h, w) in LAYERS} | {"U-Net": 63.285755904e9}
    for name, seconds in all_theirs.items():
        mine = all_ours[name]
        flop = flops[name.split()[0]] * (3 if name == "U-Net train" else 1)
        print(f"| {name} | {1e3 * seconds:.2f} | {1e3 * mine:.2f} | {seconds / mine:.2f} "
              f"| {flop / mine / 1e9:.0f} |")
    print(f"\nFMA peak of these instructions: {all_ours['peak GFLOP/s']:.0f} GFLOP/s")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="where the executables are, target/release")
    parser.add_argument("--device", default="cpu", help="cpu or cuda:N")
    arguments = parser.parse_args()
    if arguments.device == "cpu":
        on_cpu(arguments.folder)
    else:
        on_gpu(arguments.folder, arguments.device)


if __name__ == "__main__":
    main()
