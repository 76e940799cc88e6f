import { type Command, InvalidArgumentError } from 'commander'
import { readInstant, utcText } from '../domain/instant.ts'
import { longestReason } from '../identity/operation-request.ts'
import { defaultUrl, ExchangeClient } from './exchange-client.ts'

export interface ConnectionOptions {
  readonly url: string
  readonly log?: string
}

/** `--url` and `--log`, of every command that speaks with an exchange. */
export function withConnection(command: Command): Command {
  return command
    .option('--url <url>', 'where the exchange is', defaultUrl)
    .option('--log <origin>', 'name of its log; without it the exchange is asked, and believed')
}

export function clientOf({ url, log }: ConnectionOptions): ExchangeClient {
  return new ExchangeClient(url, log)
}

/** A whole number within bounds, as an option's parser. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    if (!(value >= min && value <= max)) throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`)
    return value
  }
}

/** Why something is done, as an option's parser. */
export function reason(text: string): string {
  if (text.trim() === '' || text.length > longestReason)
    throw new InvalidArgumentError(`It must have 1 to ${longestReason} characters.`)
  return text
}

/** An instant with its zone, as an option's parser; gives it in UTC. */
export function instant(text: string): string {
  const at = readInstant(text)
  if (at === undefined) throw new InvalidArgumentError('It must be an instant like 2026-11-24T21:00:00+08:00.')
  return utcText(at)
}
