import { organisationCheckCharacter } from '../../src/domain/codes/organisation-code.ts'
import { checkUscc } from '../../src/domain/codes/uscc.ts'
import { type Example, examples } from './examples.ts'

/** Establishments of so many different companies, each followed by a change of its name: in legal order. */
export function companies(count: number, first = 0): readonly Example[] {
  const established = ofType('registration.established.v1')
  const changed = ofType('registration.changed.v1')
  return Array.from({ length: count }, (_, i) => usccOf(first + i)).flatMap((uscc) => [
    { ...established, subject: uscc, data: { ...established.data, uscc } },
    { ...changed, subject: uscc, data: { ...changed.data, uscc } },
  ])
}

function ofType(type: string): Example {
  const found = examples().find((example) => example.type === type)
  if (found === undefined) throw new Error(`no example of ${type}`)
  return found
}

/** A code that is right in every check character and belongs to nobody. */
function usccOf(n: number): string {
  const organisation = `T${String(n).padStart(7, '0')}`
  const body = `91210203${organisation}${organisationCheckCharacter(organisation)}`
  const uscc = [...'0123456789ABCDEFGHJKLMNPQRTUWXY'].map((check) => body + check).find((code) => checkUscc(code) === undefined)
  if (uscc === undefined) throw new Error(`${body} has no check character`)
  return uscc
}
