// The push channel: server-sent events, numbered, so that a reconnect goes on where it broke off.
//
// A hidden page closes its channel, because browsers allow six connections a host and every open tab
// would hold one; it opens again when the page is shown. A browser sends the number of the last event
// only when it reconnects by itself: after a reopening of ours the owner is told to ask for
// everything anew (`onGap`).

import { address } from "./http";
import type { JobUpdate, Points, Problem, Run, Training } from "./types";

export type Connection = "connecting" | "live" | "lost" | "asleep";

export interface EventHandlers {
  onConnection(state: Connection): void;
  /** Events may have been missed: ask for everything anew. */
  onGap(): void;
  onPoints(points: Points): void;
  onRun(run: Run): void;
  onGone(run: string): void;
  /** A run's numbers were replaced; null: those of all runs. */
  onReset(run: string | null): void;
  onTraining(training: Training): void;
  onJob(job: JobUpdate): void;
  onProblem(problem: Problem): void;
}

const RETRY_MS = [500, 1000, 2000, 4000, 5000];
const HIDDEN_GRACE_MS = 5000; // a quick look at another tab does not close the channel

/** after: the id of the last event that is known of; null: from now on. */
export function openEvents(after: string | null, handlers: EventHandlers): () => void {
  let source: EventSource | null = null;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let hide: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let everOpen = false;

  const parse = <T>(event: Event): T => JSON.parse((event as MessageEvent<string>).data) as T;

  const close = () => {
    clearTimeout(retry);
    source?.close();
    source = null;
  };

  const open = () => {
    close();
    const channel = new EventSource(address("events", everOpen ? {} : { after }));
    source = channel;
    channel.onopen = () => {
      failures = 0;
      handlers.onConnection("live");
      if (everOpen) handlers.onGap();
      everOpen = true;
    };
    channel.onerror = () => {
      handlers.onConnection(everOpen ? "lost" : "connecting");
      // A channel that the browser gave up (CLOSED) is never retried by it; one that hangs in
      // CONNECTING is replaced too, so that waiting times are ours and short.
      close();
      retry = setTimeout(open, RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)]);
    };
    channel.addEventListener("points", (e) => handlers.onPoints(parse<Points>(e)));
    channel.addEventListener("run", (e) => handlers.onRun(parse<Run>(e)));
    channel.addEventListener("gone", (e) => handlers.onGone(parse<{ run: string }>(e).run));
    channel.addEventListener("reset", (e) => handlers.onReset(parse<{ run?: string }>(e).run ?? null));
    channel.addEventListener("training", (e) => handlers.onTraining(parse<Training>(e)));
    channel.addEventListener("job", (e) => handlers.onJob(parse<JobUpdate>(e)));
    channel.addEventListener("problem", (e) => handlers.onProblem(parse<Problem>(e)));
  };

  const onVisibility = () => {
    clearTimeout(hide);
    if (document.hidden) {
      hide = setTimeout(() => {
        close();
        handlers.onConnection("asleep");
      }, HIDDEN_GRACE_MS);
    } else if (source === null) {
      failures = 0;
      open();
    }
  };

  handlers.onConnection("connecting");
  document.addEventListener("visibilitychange", onVisibility);
  open();
  return () => {
    document.removeEventListener("visibilitychange", onVisibility);
    clearTimeout(hide);
    close();
  };
}
