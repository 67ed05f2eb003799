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


shared.MAKERS = {
    "A1/encode_50x14": lambda: encode(50, 14),
    "A1/encode_16x7": lambda: encode(16, 7),
    "A2/decode_50x14": lambda: decode(50, 14),
    "A2/decode_16x7": lambda: decode(16, 7),
}

if __name__ == "__main__":
    shared.main()
