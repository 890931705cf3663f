#!/usr/bin/env python3
"""Works on tasks of a Holdfast server, with nothing but Python's standard library.

    python3 examples/worker.py        (settings: HOLDFAST_URL, HOLDFAST_API_KEY, WORKER_TYPE, LEASE_SECONDS)

It registers a task type, waits for tasks of it, works on two at a time, says every second how far it is, stops when the
task is cancelled, and goes on when the server was away. What it does for a task is in `work`; all else can stay as it is.
"""
import json
import os
import random
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid

URL = os.environ.get("HOLDFAST_URL", "http://127.0.0.1:4000").rstrip("/") + "/graphql"
KEY = os.environ.get("HOLDFAST_API_KEY", "")
TYPE = os.environ.get("WORKER_TYPE", "example.count")
LEASE_SECONDS = int(os.environ.get("LEASE_SECONDS", "30"))
WORKER = f"{socket.gethostname()}:{os.getpid()}"
AT_ONCE = 2

stopping = threading.Event()


def say(*words):
    # In one piece, for several threads speak.
    sys.stdout.write(" ".join(str(word) for word in words) + "\n")
    sys.stdout.flush()


# ---- What it does: the only part that is about this type of work.


def work(params, attempt):
    """Counts, slowly. `attempt.stop` says that it shall end; `attempt.progress` how far it is."""
    total = params["to"]
    for number in range(1, total + 1):
        if attempt.stop.wait(params.get("pauseSeconds", 0.1)):
            return None
        attempt.progress = (number / total, f"{number} of {total}")
    return {"counted": total}


PARAMS_SCHEMA = {
    "type": "object",
    "properties": {
        "to": {"type": "integer", "minimum": 1, "maximum": 100000, "description": "How far to count."},
        "pauseSeconds": {"type": "number", "minimum": 0, "maximum": 60, "description": "Between two numbers."},
    },
    "required": ["to"],
    "additionalProperties": False,
}


# ---- The client: asks until it is answered.


class Refused(Exception):
    """The server has understood, and will not."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code


def ask(mutation, selection, data, until=None, timeout=30):
    """What the mutation answered. While the server is away it is asked again, until `until` (an Event) is set."""
    name = mutation[0].upper() + mutation[1:]
    query = f"mutation ($input: {name}Input!) {{ {mutation}(input: $input) {{ {selection} userErrors {{ code message }} }} }}"
    body = json.dumps({"query": query, "variables": {"input": data}}).encode()
    headers = {"content-type": "application/json", "accept": "application/json", "authorization": f"Bearer {KEY}"}
    pause = 0.1
    while True:
        try:
            request = urllib.request.Request(URL, body, headers)
            try:
                with urllib.request.urlopen(request, timeout=timeout) as response:
                    answer = json.load(response)
            except urllib.error.HTTPError as error:
                answer = json.load(error)  # a refusal is an answer too
            if answer.get("errors"):
                error = answer["errors"][0]
                code = error.get("extensions", {}).get("code", "")
                if code not in ("UNAVAILABLE", "RATE_LIMITED", "INTERNAL"):
                    raise Refused(code, error["message"])
                reason = error["message"]
            else:
                payload = answer["data"][mutation]
                if payload["userErrors"]:
                    raise Refused(payload["userErrors"][0]["code"], payload["userErrors"][0]["message"])
                return payload
        except (OSError, ValueError) as error:  # nobody there, no answer in time, or half of one
            reason = error
        if pause == 0.1:
            say("waiting for the server:", reason)
        if until is not None and until.is_set():
            raise ConnectionError(str(reason))
        # Not all at the same moment when the server is back.
        (until or stopping).wait(pause * random.uniform(0.75, 1.25))
        pause = min(pause * 2, 5)


# ---- One attempt: the work in one thread, the heartbeats in another.


class Attempt:
    def __init__(self, claim):
        self.task = claim["task"]
        self.lease = {"id": self.task["id"], "leaseToken": claim["leaseToken"]}
        self.stop = threading.Event()
        self.reason = None
        self.progress = None
        self.over = threading.Event()  # the work is
        self.quiet = threading.Event()  # no more heartbeats: the work is over, or the lease
        self.renewed = time.monotonic()

    def end(self, reason):
        if self.reason is None:
            self.reason = reason
            self.stop.set()

    def run(self):
        beats = threading.Thread(target=self.beat, daemon=True)
        beats.start()
        say("began", self.task["id"], f"attempt {self.task['attempt']}")
        try:
            try:
                result = work(self.task["params"], self)
            finally:
                self.over.set()
                self.quiet.set()
                beats.join()
            self.tell(result)
        except Refused as refusal:
            # TASK_NOT_LEASED: the lease ran out meanwhile, and the task is another's. There is nothing to be done.
            say("refused", self.task["id"], refusal.code)
        except ConnectionError:
            say("left", self.task["id"], "the server is away; its lease will run out")
        except Exception as error:  # whatever went wrong in `work`
            say("failed", self.task["id"], repr(error))
            self.try_to("taskFail", {"error": repr(error)[:4000] or "It failed."})

    def tell(self, result):
        # Sent again because its answer was lost, it does not happen twice: the key says that it is the same.
        once = {**self.lease, "idempotencyKey": f"{self.lease['id']} {self.task['attempt']}"}
        if self.reason is None:
            ask("taskComplete", "task { id }", {**once, "result": result, "summary": f"Counted to {self.task['params']['to']}."}, until=giving_up)
            say("completed", self.task["id"])
        elif self.reason != "LEASE_LOST":
            ask("taskRelease", "task { id }", once, until=giving_up)  # cancelled, out of time, or this program stops
            say("gave back", self.task["id"], self.reason)

    def try_to(self, mutation, data):
        try:
            ask(mutation, "task { id }", {**self.lease, **data}, until=giving_up)
        except (Refused, ConnectionError) as error:
            say(f"could not {mutation}", self.task["id"], error)

    def beat(self):
        """Says every second that it lives. Learns by the answer that it shall stop, or that the task is another's by now."""
        while not self.over.wait(1):
            data = dict(self.lease)
            if self.progress is not None:
                data["progress"], data["progressMessage"] = self.progress
            lost = threading.Timer(max(0, self.renewed + LEASE_SECONDS - time.monotonic()), self.quiet.set)
            lost.daemon = True
            lost.start()
            try:
                now = time.monotonic()
                answer = ask("taskHeartbeat", "cancelRequested reason", data, until=self.quiet, timeout=5)
                self.renewed = now
                if answer["cancelRequested"]:
                    self.end(answer["reason"])
            except (Refused, ConnectionError) as error:
                if self.over.is_set():
                    return  # how it ended is told by `tell`
                say("lost", self.task["id"], error)
                self.end("LEASE_LOST")
                return
            finally:
                lost.cancel()


# ---- The program: register, claim, work, and stop when it is asked to.

giving_up = threading.Event()  # set when what cannot be told now will not be told


def main():
    def stop(*_):
        if stopping.is_set():
            sys.exit(130)
        say("stopping")
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)

    description = {"name": TYPE, "description": "Counts, slowly.", "paramsSchema": PARAMS_SCHEMA}
    ask("taskTypeRegister", "taskType { name }", description, until=stopping)
    say("working on", TYPE, "as", WORKER)

    running = {}  # by thread
    while not stopping.is_set():
        running = {thread: attempt for thread, attempt in running.items() if thread.is_alive()}
        free = AT_ONCE - len(running)
        if free == 0:
            stopping.wait(0.1)
            continue
        # Waits at the server: a short while only, so that a signal is heeded soon.
        wish = {"types": [TYPE], "limit": free, "leaseSeconds": LEASE_SECONDS, "worker": WORKER, "waitSeconds": 2}
        # For an answer that is lost: asked again, the server gives the same tasks, and not others.
        wish["idempotencyKey"] = str(uuid.uuid4())
        try:
            claims = ask("taskClaim", "claims { leaseToken task { id params attempt } }", wish, until=stopping)["claims"]
        except ConnectionError:
            break
        for claim in claims:
            attempt = Attempt(claim)
            thread = threading.Thread(target=attempt.run)
            running[thread] = attempt
            thread.start()

    patience = threading.Timer(10, giving_up.set)
    patience.daemon = True
    patience.start()
    for attempt in running.values():
        attempt.end("SHUTDOWN")
    for thread in running:
        thread.join()
    say("stopped")


if __name__ == "__main__":
    try:
        main()
    except Refused as refusal:
        say(refusal)
        sys.exit(1)
