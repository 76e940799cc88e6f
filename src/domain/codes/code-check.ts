import type { Text } from '../text.ts'

/** What a check may need to know beside the value. */
export interface CodeContext {
  /** YYYY-MM-DD, calendar date in China of the fact that the code belongs to: an event's effectiveDate */
  readonly date?: string | undefined
  /** YYYY-MM-DD, today in China */
  readonly today: string
}

/** The first rule that a code breaks, or what is merely odd about it. */
export interface CodeFault {
  readonly level: 'error' | 'warning'
  /** stable, for programs; a finding's code is `<name of the check>-<reason>` */
  readonly reason: string
  /** what is wrong and what is right; never the value of a person's number */
  readonly message: Text
}

export type CodeResult = CodeFault | undefined

/**
 * Checks one code as it stands: nothing is trimmed, widened or put in upper case first.
 *
 * @param value of any length; every check is linear in it
 * @returns undefined when there is nothing to say
 */
export type CodeCheck = (value: string, context: CodeContext) => CodeResult

export function codeError(reason: string, en: string, zh: string): CodeFault {
  return { level: 'error', reason, message: { en, zh } }
}

export function codeWarning(reason: string, en: string, zh: string): CodeFault {
  return { level: 'warning', reason, message: { en, zh } }
}
