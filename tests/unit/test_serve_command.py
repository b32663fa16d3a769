"""The supervisor: a worker that dies is started anew, the portal's end ends everything."""

from config.commands import serve


class Process:
    """Process that lives for some polls."""

    def __init__(self, polls):
        self.polls = polls

    def poll(self):
        self.polls -= 1
        return None if self.polls >= 0 else 1


def test_a_dead_worker_is_started_anew_while_the_portal_lives(monkeypatch):
    started, pauses = [], []

    def start(command, environment):
        started.append((command, environment))
        return Process(100)

    monkeypatch.setattr(serve, "_start", start)
    monkeypatch.setattr(serve.time, "sleep", pauses.append)
    monkeypatch.setattr(serve, "fast_allocator", lambda: {"LD_PRELOAD": "the fast one"})
    web, worker = Process(5), Process(2)
    processes = [web, worker]
    serve._watch(processes, {"A": "1"})
    assert started == [(serve.WORKER, {"A": "1", "LD_PRELOAD": "the fast one"})]
    assert serve.WORKER_PAUSE_SECONDS in pauses
    # Whoever ends the processes finds the new one.
    assert processes[0] is web
    assert processes[1] is not worker
