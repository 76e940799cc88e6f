import { createHmac } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { withDeadline } from '../deadline.ts'
import { CannotStart } from '../domain/cannot-start.ts'
import type { Untold } from './alarms.ts'

/** The receiver answers within this time, or it counts as away. */
const timeoutMs = 10_000

/** Whom alarms are told. */
export interface WebhookSettings {
  readonly url: string
  /** a file with `whsec_` and the secret in base64 */
  readonly secretFile: string
}

/** @throws {CannotStart} when the file has no such secret, or others can read it */
export async function readWebhookSecret(file: string): Promise<Buffer> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new CannotStart(`the webhook's secret ${file} can't be read: ${cause.code}`, { cause })
  })
  if (((await stat(file)).mode & 0o077) !== 0)
    throw new CannotStart(`the webhook's secret ${file} can be read by others: run chmod 600 on it`)
  const [, base64 = ''] = /^whsec_([A-Za-z0-9+/]+={0,2})\s*$/.exec(text) ?? []
  const secret = Buffer.from(base64, 'base64')
  if (secret.length < 24 || secret.length > 64)
    throw new CannotStart(`${file} must hold whsec_ and 24 to 64 random bytes in base64, as the Standard Webhooks have it`)
  return secret
}

/**
 * The headers that let a receiver know that a message is ours, and is not an old one again.
 *
 * @param id the same at every try, so that a receiver can tell a repetition
 * @see Standard Webhooks 1.0.0, "Verifying webhook authenticity"
 */
export function webhookHeaders(secret: Buffer, id: string, at: Date, body: string): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(at.getTime() / 1000))
  const signature = createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64')
  return {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  }
}

/** Posts one change of an alarm. @returns why it was not taken, for people; undefined when it was */
export async function tell(
  { url, secret, origin }: { readonly url: string; readonly secret: Buffer; readonly origin: string },
  alarm: Untold,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { id, kind, about, state, details, raisedAt, clearedAt } = alarm
  const data = { log: origin, id, kind, about, details, raisedAt, clearedAt, runbook: `docs/operator.md#alarm-${kind}` }
  const body = JSON.stringify({ type: `alarm.${state}`, timestamp: (clearedAt ?? raisedAt).toISOString(), data })
  const headers = webhookHeaders(secret, `alarm_${origin}_${id}_${state}`.replaceAll('.', '-'), new Date(), body)
  try {
    return await withDeadline(timeoutMs, signal, async (inTime) => {
      const answer = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal: inTime })
      await answer.body?.cancel()
      return answer.ok ? undefined : `HTTP ${answer.status}`
    })
  } catch (error) {
    return error instanceof Error ? String(error.cause ?? error.message) : String(error)
  }
}
