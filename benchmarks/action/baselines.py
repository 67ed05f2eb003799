# SPDX-License-Identifier: Apache-2.0
"""The libraries that bench_action is compared with; requests and answers are those of observation/baselines.py."""

import importlib.util
import json
import pathlib

_path = pathlib.Path(__file__).resolve().parents[1] / "observation/baselines.py"
_spec = importlib.util.spec_from_file_location("observation_baselines", _path)
shared = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(shared)


class Fast:
    """The published FAST processor, put together from scipy and tokenizers."""

    def __init__(self, horizon, dim):
        import scipy.fft
        import tokenizers

        np = shared.np
        config = json.loads((shared.FOLDER / "processor_config.json").read_text())
        scale, least = config["scale"], config["min_token"]
        bpe = tokenizers.Tokenizer.from_file(str(shared.FOLDER / "tokenizer.json"))
        self.chunks = list(np.fromfile(shared.FOLDER / f"chunks_{horizon}x{dim}", np.float32).reshape(-1, horizon, dim))
        dct, idct = scipy.fft.dct, scipy.fft.idct

        def encode(i):
            whole = np.around(dct(self.chunks[i], axis=0, norm="ortho") * scale)
            return bpe.encode("".join(map(chr, np.maximum(whole.flatten() - least, 0).astype(int)))).ids

        coded = [encode(i) for i in range(len(self.chunks))]

        def decode(i):
            whole = np.array(list(map(ord, bpe.decode(coded[i])))) + least
            return idct(whole.reshape(horizon, dim) / scale, axis=0, norm="ortho")

        self.encode, self.decode = encode, decode
        self.name = f"{shared.version('scipy')} and {shared.version('tokenizers')}, composed"


def encode(horizon, dim):
    fast = Fast(horizon, dim)
    return shared.Baseline(fast.name, len(fast.chunks), {"": fast.encode}, lambda ids: shared.np.array(ids, shared.np.int32).tobytes())


def decode(horizon, dim):
    fast = Fast(horizon, dim)
    return shared.Baseline(fast.name, len(fast.chunks), {"": fast.decode}, lambda chunk: chunk.astype(shared.np.float32).tobytes())


def read(name, *shape):
    return shared.np.fromfile(shared.FOLDER / name, shared.np.float32).reshape(-1, *shape)


def normalize():
    """LeRobot's NormalizerProcessorStep in mode MEAN_STD on a state and an action: its arithmetic, without its dictionaries."""
    import torch

    torch.set_num_threads(1)
    states, actions, stats = (torch.from_numpy(read(name, *shape)) for name, shape in (("states", (14,)), ("actions", (50, 14)), ("stats", (14,))))
    mean, std = stats[0], stats[1]

    def step(i):
        return [(x - mean) / (std + 1e-8) for x in (states[i], actions[i])]

    pack = lambda out: b"".join(x.numpy().tobytes() for x in out)  # noqa: E731
    return shared.Baseline(f"LeRobot's arithmetic, {shared.version('torch')}", len(states), {"": step}, pack)


def decode_80d():
    """[16, 80] back to SI units, unpacked, camera-frame deltas of two tools as poses in the base frame."""
    from scipy.spatial.transform import Rotation

    np = shared.np
    chunks, stats, poses = read("canonical", 16, 80), read("canonical_stats", 80).astype(float), read("canonical_poses", 7).astype(float)
    low, high = stats
    rotations = Rotation.from_quat(poses[:, [4, 5, 6, 3]])
    axes = rotations[2]

    def decode(i):
        x = (chunks[i].astype(float) + 1) / 2 * (high - low) + low
        rows = []
        for arm, first in enumerate((7, 36)):
            position = poses[arm, :3] + axes.apply(x[:, first : first + 3])
            rotation = Rotation.from_rotvec(axes.apply(x[:, first + 3 : first + 6])) * rotations[arm]
            rows += [position, rotation.as_matrix().reshape(16, 9)]
        return np.concatenate([*rows, np.clip(x[:, [16, 45]], 0, 1)], axis=1)

    return shared.Baseline(f"NumPy and {shared.version('scipy')}, composed", len(chunks), {"": decode}, lambda out: out.astype(np.float64).tobytes())


def rtc():
    """LeRobot's prefix weights (linear) and guidance on one chunk, without its checks."""
    import torch

    torch.set_num_threads(1)
    x, v, prefix = (torch.from_numpy(read(name, 50, 32)) for name in ("rtc_x", "rtc_v", "rtc_prefix"))
    start, end, t, most = 5, 25, 0.4, 10.0

    def guide(i):
        ramp = torch.linspace(1, 0, end - start + 2)[1:-1]
        weights = torch.cat([torch.ones(start), ramp, torch.zeros(50 - end)])
        error = (prefix[i] - (x[i] - t * v[i])) * weights[:, None]
        tau = 1 - t
        inverse = ((1 - tau) ** 2 + tau**2) / (1 - tau) ** 2
        weight = min((1 - tau) / tau * inverse, most)
        return v[i] - weight * error

    return shared.Baseline(f"LeRobot's arithmetic, {shared.version('torch')}", len(x), {"": guide}, lambda out: out.numpy().tobytes())


shared.MAKERS = {
    "A1/encode_50x14": lambda: encode(50, 14),
    "A1/encode_16x7": lambda: encode(16, 7),
    "A2/decode_50x14": lambda: decode(50, 14),
    "A2/decode_16x7": lambda: decode(16, 7),
    "A3/normalize": normalize,
    "A4/decode_80d": decode_80d,
    "A5/rtc": rtc,
}

if __name__ == "__main__":
    shared.main()
