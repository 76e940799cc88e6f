import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** Everything the exchange counts, under the names that /metrics shows. One for a process. */
export function createMetrics() {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  return {
    registry,
    logSize: new Gauge({ name: 'lianban_log_size_entries', help: 'Entries in the log, as this process last saw it', registers }),
    commitSeconds: new Histogram({
      name: 'lianban_commit_duration_seconds',
      help: 'Time of one group commit, from taking the batch to the answer of the database',
      buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5],
      registers,
    }),
    batchEvents: new Histogram({
      name: 'lianban_commit_batch_entries',
      help: 'Items that shared one group commit',
      buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512],
      registers,
    }),
    waiting: new Gauge({ name: 'lianban_commit_waiting_entries', help: 'Items in front of the commit', registers }),
    accepted: new Counter({
      name: 'lianban_events_accepted_total',
      help: 'Events appended to the log by this process',
      labelNames: ['type'],
      registers,
    }),
    refused: new Counter({
      name: 'lianban_requests_refused_total',
      help: 'Requests refused, by problem code; unsigned noise included',
      labelNames: ['code'],
      registers,
    }),
    requestSeconds: new Histogram({
      name: 'lianban_http_request_duration_seconds',
      help: 'Time from the request to its answer',
      labelNames: ['route', 'status'],
      buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5],
      registers,
    }),
    lag: new Gauge({
      name: 'lianban_view_lag_entries',
      help: 'Event entries of the log that a bureau’s view has not taken in yet',
      labelNames: ['bureau'],
      registers,
    }),
    lagSeconds: new Gauge({
      name: 'lianban_view_lag_seconds',
      help: 'How long the oldest event that a bureau’s view has not taken in has been in the log; 0 when there is none',
      labelNames: ['bureau'],
      registers,
    }),
    parked: new Gauge({
      name: 'lianban_parked_events',
      help: 'Events parked in a bureau’s view',
      labelNames: ['bureau', 'cause'],
      registers,
    }),
    published: new Counter({
      name: 'lianban_bus_published_total',
      help: 'Event entries sent to the broker and acknowledged',
      registers,
    }),
    publisherBehind: new Gauge({
      name: 'lianban_bus_publisher_behind_events',
      help: 'Event entries of the log that the broker has not acknowledged yet; without a broker 0',
      registers,
    }),
    publisherBehindSeconds: new Gauge({
      name: 'lianban_bus_publisher_behind_seconds',
      help: 'How long the oldest event that the broker has not acknowledged has been in the log; 0 when there is none',
      registers,
    }),
    heartbeats: new Counter({
      name: 'lianban_bus_heartbeats_total',
      help: 'Heartbeats sent to the broker and acknowledged, one for each partition',
      registers,
    }),
    heartbeatAge: new Gauge({
      name: 'lianban_bus_heartbeat_age_seconds',
      help: 'How long ago the broker last took a heartbeat of every partition; without a broker 0',
      registers,
    }),
    viewHeartbeatAge: new Gauge({
      name: 'lianban_view_heartbeat_age_seconds',
      help: 'How long ago a bureau’s view last took a heartbeat, of the partition where it is longest',
      labelNames: ['bureau'],
      registers,
    }),
    readFromLog: new Counter({
      name: 'lianban_bus_read_from_log_total',
      help: 'Events that the bus did not bring to a bureau’s view, and that were read from the log instead',
      labelNames: ['bureau'],
      registers,
    }),
    foreign: new Counter({
      name: 'lianban_bus_foreign_messages_total',
      help: 'Messages of a topic that the log does not hold, or holds differently; each is an alarm',
      labelNames: ['bureau'],
      registers,
    }),
    holes: new Counter({
      name: 'lianban_view_holes_total',
      help: 'Events in the past of a bureau’s view that it lacked, and that were folded in from the log; each is an alarm',
      labelNames: ['bureau'],
      registers,
    }),
    witnessSize: new Gauge({
      name: 'lianban_witness_cosigned_size_entries',
      help: 'Entries of the log that the quorum of witnesses stands by; 0 while there are none',
      registers,
    }),
    witnessLag: new Gauge({
      name: 'lianban_witness_lag_seconds',
      help: 'How long the oldest entry without the word of the witnesses has been in the log',
      registers,
    }),
    witnessAnswers: new Counter({
      name: 'lianban_witness_answers_total',
      help: 'What became of each request to a witness',
      labelNames: ['witness', 'outcome'],
      registers,
    }),
    replayed: new Counter({
      name: 'lianban_replay_events_total',
      help: 'Parked events that a replay tried again: applied, or failed again',
      labelNames: ['bureau'],
      registers,
    }),
    alarms: new Gauge({
      name: 'lianban_alarms',
      help: 'Alarms that are raised now, in the whole exchange',
      labelNames: ['kind'],
      registers,
    }),
    webhooks: new Counter({
      name: 'lianban_alarm_webhooks_total',
      help: 'What became of each try to tell the webhook of an alarm: told, failed, given-up',
      labelNames: ['outcome'],
      registers,
    }),
    rebuilt: new Counter({
      name: 'lianban_bus_consumer_rebuilds_total',
      help: 'Consumers that stood still while their topic grew and were built anew',
      labelNames: ['bureau'],
      registers,
    }),
  }
}

export type Metrics = ReturnType<typeof createMetrics>
