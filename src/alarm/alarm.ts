/** Kinds of alarm; each has its runbook in docs/operator.md under `alarm-<kind>`. */
export const alarmKinds = [
  'parked-group',
  'parked-growing',
  'consumer-behind',
  'publisher-behind',
  'no-heartbeat',
  'foreign-messages',
  'hole',
  'witnesses-behind',
  'replay-paused',
  'view-broken',
] as const
export type AlarmKind = (typeof alarmKinds)[number]

/** Numbers and names; nothing about a subject or a person. */
export type AlarmDetails = Readonly<Record<string, string | number>>

/** Something that is wrong now. */
export interface Finding {
  /** one alarm for each, within its kind */
  readonly about: string
  readonly details: AlarmDetails
}
