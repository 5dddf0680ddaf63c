"""Bare onnxruntime: the calls, pools, starts and memory of strata-core's example `core_side`, without anything around them.

Usage: python onnxruntime_side.py calls|pool MODEL.onnx BATCH CALLS THREADS ANSWERS
       python onnxruntime_side.py cold MODEL.onnx BATCH ANSWERS
       python onnxruntime_side.py memory MODEL.onnx SESSIONS ANSWERS
Settings are those of our sessions: idle threads do not spin; all else is onnxruntime's default.
"""
import json
import os
import sys
import threading
import time

import numpy as np
import onnxruntime

INPUTS, SHOWN = 8, 256


def since_start():
    started = os.environ.get("STRATA_BENCH_STARTED")
    return time.time() - float(started) if started else None


def session(path, threads=1):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def made(port, batch, number):
    shape = [size if isinstance(size, int) else batch for size in port.shape]
    places = np.arange(int(np.prod(shape)), dtype=np.uint64) + np.uint64(number * 7919)
    hashed = places * np.uint64(2654435761) % np.uint64(4294967296)
    return ((hashed % np.uint64(1000)).astype(np.float32) / np.float32(1000)).reshape(shape)


def write(path, answers):
    with open(path, "w") as out:
        for outputs in answers:
            out.write(json.dumps([output.ravel()[:SHOWN].astype(float).tolist() for output in outputs]) + "\n")


def percentile(values, share):
    return sorted(values)[max(-int(-share * len(values) // 1), 1) - 1]


def calls(path, batch, count, threads, sessions, answers):
    sessions = [session(path, threads) for _ in range(sessions)]
    port = sessions[0].get_inputs()[0]
    inputs = [made(port, batch, number) for number in range(INPUTS)]
    sessions[0].run(None, {port.name: inputs[0]})
    first = since_start()
    each, numbers, lock = [], iter(range(count)), threading.Lock()

    def work(running):
        mine = []
        while True:
            with lock:
                if next(numbers, None) is None:
                    break
            start = time.perf_counter()
            outputs = running.run(None, {port.name: inputs[len(mine) % INPUTS]})
            float(outputs[0].flat[0])
            mine.append((time.perf_counter() - start) * 1e3)
        each.extend(mine)

    workers = [threading.Thread(target=work, args=(one,)) for one in sessions]
    wall, cpu = time.perf_counter(), time.process_time()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    write(answers, [sessions[0].run(None, {port.name: one}) for one in inputs])
    print(json.dumps({"items": count, "seconds": wall, "cpu_seconds": cpu, "first_answer_seconds": first,
                      "p50_ms": percentile(each, 0.5), "p95_ms": percentile(each, 0.95), "p99_ms": percentile(each, 0.99),
                      "us_a_call": wall * 1e6 / count}))


def cold(path, batch, answers):
    running = session(path)
    port = running.get_inputs()[0]
    outputs = running.run(None, {port.name: made(port, batch, 0)})
    first = since_start()
    write(answers, [outputs])
    print(json.dumps({"items": 1, "first_answer_seconds": first}))


def memory(path, count, answers):
    wall, cpu = time.perf_counter(), time.process_time()
    sessions = [session(path) for _ in range(count)]
    port = sessions[0].get_inputs()[0]
    values = made(port, 1, 0)
    for one in sessions:
        outputs = one.run(None, {port.name: values})
    write(answers, [outputs])
    print(json.dumps({"items": count, "seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}))


def main():
    work, path, *rest = sys.argv[1:]
    *numbers, answers = rest
    numbers = [int(number) for number in numbers]
    if work == "calls":
        calls(path, *numbers, 1, answers)
    elif work == "pool":
        batch, count, sessions = numbers
        calls(path, batch, count, 1, sessions, answers)
    elif work == "cold":
        cold(path, *numbers, answers)
    else:
        memory(path, *numbers, answers)


if __name__ == "__main__":
    main()
