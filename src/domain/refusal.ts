import type { Finding } from './event.ts'
import type { ProblemCode } from './problems.ts'
import type { Text } from './text.ts'

/** Why a request is refused; `arrival/problems.ts` alone turns it into HTTP. */
export interface Refusal {
  readonly code: ProblemCode
  /** what is wrong in this very case, and what to do */
  readonly detail: Text
  /** every error of an event, at most {@link maxFindings} */
  readonly errors?: readonly Finding[]
}

/** An event's list of errors ends here: nobody reads more, and an answer has a bound. */
export const maxFindings = 200

/** Thrown where a check knows that the request cannot go on. */
export class RefusedRequest extends Error {
  override readonly name = 'RefusedRequest'
  readonly refusal: Refusal
  /** of the refusal's own entry, where it is logged */
  readonly index: number | undefined

  constructor(code: ProblemCode, detail: Text, errors?: readonly Finding[], index?: number) {
    super(`${code}: ${detail.en}`)
    this.refusal = errors === undefined ? { code, detail } : { code, detail, errors }
    this.index = index
  }

  /** A refusal that the log decided on. */
  static logged({ code, detail, errors }: Refusal, index: number | undefined): RefusedRequest {
    return new RefusedRequest(code, detail, errors, index)
  }
}
