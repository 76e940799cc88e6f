import type { Command } from 'commander'
import type { JsonObject } from '../domain/text.ts'
import { signOperation } from '../identity/operation-request.ts'
import type { SigningKey } from '../identity/private-key.ts'
import { type ExchangeClient, expectStatus } from './exchange-client.ts'
import { readSigningKey } from './key-file.ts'
import { type ConnectionOptions, clientOf, reason, withConnection } from './options.ts'

export interface ActOptions extends ConnectionOptions {
  readonly key: string
  readonly reason: string
}

/** `--url`, `--log`, `--key` and `--reason`, of every command by which an operator acts. */
export function withAct(command: Command): Command {
  return withConnection(withOperatorKey(command)).requiredOption('--reason <text>', 'why, for whoever reads the log', reason)
}

export function withOperatorKey(command: Command): Command {
  return command.requiredOption('--key <file>', "an operator's private JWK")
}

/** An operator at an exchange. */
export interface Acting {
  readonly client: ExchangeClient
  readonly key: SigningKey
}

export async function actingWith(options: ConnectionOptions & { readonly key: string }): Promise<Acting> {
  return { client: clientOf(options), key: await readSigningKey(options.key) }
}

/**
 * Signs a request and posts it.
 *
 * @returns what the exchange answered: on record and carried out, or `carriedOut: false` where it was so already
 * @throws {CommandFailed} with the problem's text when it is refused; exit code as `expectStatus` says
 */
export async function act(
  { client, key }: Acting,
  path: string,
  action: string,
  details: JsonObject,
  reason: string,
): Promise<JsonObject> {
  const request = await signOperation(key, { action, reason, log: await client.origin(), details })
  const body = JSON.stringify({ request })
  // the request is on record once, however often it is sent
  const answer = await client.ask(path, { method: 'POST', contentType: 'application/json', body })
  return expectStatus(answer, 200, 201).body
}
