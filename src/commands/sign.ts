import { buffer } from 'node:stream/consumers'
import type { Command } from 'commander'
import { RefusedRequest } from '../domain/refusal.ts'
import type { JsonObject } from '../domain/text.ts'
import { signAccessToken, signEvent } from '../identity/sign.ts'
import { parseStrictJson } from '../identity/strict-json.ts'
import { CommandFailed } from './command.ts'
import { completeEvent } from './complete-event.ts'
import { defaultUrl, ExchangeClient } from './exchange-client.ts'
import { faultOf, readBytes, readSigningKey } from './key-file.ts'

interface Options {
  readonly key: string
  readonly header?: string
  readonly complete?: true
  readonly as?: string
  readonly token?: true
  readonly aud?: string
  readonly url: string
}

/** `sign` */
export function addSignCommand(program: Command): void {
  program
    .command('sign')
    .description('sign an event, or make an access token; prints it as compact JWS')
    .argument('[file]', 'the event as JSON, - for standard input; its bytes are signed as they are')
    .requiredOption('--key <file>', 'private JWK')
    .option('--header <json>', 'further members of the protected header, such as {"aud":"<the log\'s origin>"}')
    .option('--complete', 'fill in specversion, id, source, time and datacontenttype where they are missing')
    .option('--as <party>', 'the sender, with --complete')
    .option('--token', 'an access token, good for two minutes, instead of an event')
    .option('--aud <origin>', "with --token: the log's origin; without it the exchange is asked")
    .option('--url <url>', 'with --token: the exchange to ask', defaultUrl)
    .addHelpText(
      'after',
      '\nExamples:\n  lianban sign event.json --key commerce.jwk | curl --data-binary @- -H "content-type: application/jose" http://127.0.0.1:8080/v1/events\n' +
        '  curl -H "authorization: Bearer $(lianban sign --token --key commerce.jwk)" http://127.0.0.1:8080/v1/keys',
    )
    .action(sign)
}

async function sign(file: string | undefined, options: Options): Promise<void> {
  if ((file === undefined) !== (options.token === true)) throw new CommandFailed('give either a file to sign, or --token')
  process.stdout.write(file === undefined ? `${await token(options)}\n` : await event(file, options))
}

async function token({ key, aud, url }: Options): Promise<string> {
  const by = await readSigningKey(key)
  return signAccessToken(by, { audience: aud ?? (await new ExchangeClient(url).origin()) })
}

/** Without a line break, which would be part of what is posted. */
async function event(file: string, { key, header, complete, as }: Options): Promise<string> {
  const by = await readSigningKey(key)
  const bytes = file === '-' ? await buffer(process.stdin) : await readBytes(file)
  const parsed = parsedOf(bytes, file)
  const payload = complete ? completeEvent(parsed, bytes, as, new Date()).payload : bytes
  return signEvent(by, payload, header === undefined ? {} : parsedOf(Buffer.from(header), '--header'))
}

function parsedOf(bytes: Uint8Array, where: string): JsonObject {
  try {
    return parseStrictJson(bytes)
  } catch (error) {
    if (!(error instanceof RefusedRequest)) throw error
    throw new CommandFailed(`${where}: ${faultOf(error)}`)
  }
}
