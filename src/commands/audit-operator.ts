import { type Command, InvalidArgumentError } from 'commander'

export interface OperatorOptions {
  readonly operator?: string
}

/** `--operator`, of commands that judge keys: all of them stand on the first operator's. */
export function withOperator(command: Command): Command {
  return command.option(
    '--operator <thumbprint>',
    "thumbprint of the first operator's key (RFC 7638), as the operator told you",
    thumbprintOf,
  )
}

function thumbprintOf(text: string): string {
  if (!/^[\w-]{43}$/.test(text)) throw new InvalidArgumentError('It must be a JWK thumbprint: 43 characters of base64url.')
  return text
}
