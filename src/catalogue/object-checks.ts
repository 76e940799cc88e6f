import { isCalendarDate } from '../domain/codes/calendar-date.ts'
import { type CodeContext, type CodeFault, codeError, codeWarning } from '../domain/codes/code-check.ts'
import { checkDocumentNumber } from '../domain/codes/document-type.ts'
import { checkIndustry } from '../domain/codes/industry.ts'
import { isJsonObject, type JsonObject } from '../domain/text.ts'

/** What a check found, and at which member of the object. */
export interface MemberFault {
  readonly member: string
  /** code of the finding: `date-order`, `id-document-check`, … */
  readonly code: string
  readonly fault: CodeFault
}

/** Members that are absent or of another type are the schema's affair: a check passes them over. */
export type ObjectCheck = (object: JsonObject, context: CodeContext) => MemberFault | undefined

/** For each check the options that name members, and what it does. */
const kinds: Readonly<
  Record<string, { readonly options: readonly string[]; make(option: (name: string) => string): ObjectCheck }>
> = {
  'date-order': { options: ['first', 'then'], make: (option) => dateOrder(option('first'), option('then')) },
  'industry-in-section': { options: ['section', 'code'], make: (option) => industryInSection(option('section'), option('code')) },
  'id-document': { options: ['type', 'number'], make: (option) => idDocument(option('type'), option('number')) },
  'tax-number-of': { options: ['taxpayerId', 'uscc'], make: (option) => taxNumberOf(option('taxpayerId'), option('uscc')) },
  'capital-unit': { options: ['field'], make: (option) => capitalUnit(option('field')) },
}

/**
 * Reads one element of the keyword `checks`.
 *
 * @param members the object's members, where the schema says them in the same place
 * @throws an Error for catalogue authors: no such check, an option too many or too few, a member that is not there
 */
export function checkOf(rule: unknown, members: ReadonlySet<string> | undefined): ObjectCheck {
  if (!isJsonObject(rule)) throw new Error('each element of "checks" must be an object')
  const name = rule.check
  const kind = typeof name === 'string' && Object.hasOwn(kinds, name) ? kinds[name] : undefined
  if (!kind) throw new Error(`there is no check ${JSON.stringify(name)}; there are ${Object.keys(kinds).join(', ')}`)
  const foreign = Object.keys(rule).find((option) => option !== 'check' && !kind.options.includes(option))
  if (foreign !== undefined) throw new Error(`the check "${name}" has no option "${foreign}"; it has ${kind.options.join(', ')}`)
  return kind.make((option) => {
    const member = rule[option]
    if (typeof member !== 'string') throw new Error(`the check "${name}" needs the option "${option}", the name of a member`)
    if (members && !members.has(member))
      throw new Error(`the check "${name}" names "${member}", which is not among the properties`)
    return member
  })
}

/** Two dates in order; the same day is in order. */
function dateOrder(first: string, then: string): ObjectCheck {
  return (object) => {
    const [from, to] = [text(object, first), text(object, then)]
    if (from === undefined || to === undefined || !isCalendarDate(from) || !isCalendarDate(to) || from <= to) return undefined
    const fault = codeError('order', `${then} must not lie before ${first}.`, `${then} 不得早于 ${first}。`)
    return { member: then, code: 'date-order', fault }
  }
}

function industryInSection(sectionMember: string, codeMember: string): ObjectCheck {
  return (object) => {
    const [section, code] = [text(object, sectionMember), text(object, codeMember)]
    // each of the two is checked where it stands; this asks only whether they fit
    if (section === undefined || code === undefined || !/^[A-T]$/.test(section)) return undefined
    const fault = checkIndustry(section, code)
    return fault?.reason === 'section' ? { member: codeMember, code: 'industry-code-section', fault } : undefined
  }
}

function idDocument(typeMember: string, numberMember: string): ObjectCheck {
  return (object, context) => {
    const [type, number] = [text(object, typeMember), text(object, numberMember)]
    if (type === undefined || number === undefined) return undefined
    const fault = checkDocumentNumber(type, number, context)
    return fault && { member: numberMember, code: `id-document-${fault.reason}`, fault }
  }
}

/**
 * The old tax number is characters 3 to 17 of the USCC where the tax office used the registrar's division. It often did not,
 * so a difference is odd and no more.
 */
function taxNumberOf(idMember: string, usccMember: string): ObjectCheck {
  return (object) => {
    const [taxpayerId, uscc] = [text(object, idMember), text(object, usccMember)]
    if (taxpayerId === undefined || uscc === undefined) return undefined
    if (taxpayerId.length === 15 && taxpayerId !== uscc.slice(2, 17)) {
      const fault = codeWarning(
        'old',
        `${idMember} differs from characters 3 to 17 of the USCC: make sure that it is this taxpayer's.`,
        `${idMember} 与统一社会信用代码第 3 至 17 位不同：请确认属于该纳税人。`,
      )
      return { member: idMember, code: 'tax-number-differs', fault }
    }
    if (taxpayerId.length !== 18 || taxpayerId === uscc) return undefined
    const fault = codeWarning(
      'uscc',
      `${idMember} has the form of a USCC but is another one than ${usccMember}.`,
      `${idMember} 为统一社会信用代码形式，但与 ${usccMember} 不同。`,
    )
    return { member: idMember, code: 'tax-number-differs', fault }
  }
}

/** Above this, in 万元, somebody most likely sent yuan: hardly a company has a capital of 100 billion. */
const maxPlausibleCapital = 10_000_000

function capitalUnit(field: string): ObjectCheck {
  return (object) => {
    const capital = text(object, field)
    if (capital === undefined || !/^[0-9]{1,20}(\.[0-9]{1,20})?$/.test(capital) || Number(capital) <= maxPlausibleCapital)
      return undefined
    const fault = codeWarning(
      'unit',
      `${field} is stated in units of 10,000 (万元) and is above 10,000,000 of them: most likely it was sent in yuan.`,
      `${field} 的单位为万元，现超过 10,000,000 万元：很可能误以元为单位。`,
    )
    return { member: field, code: 'capital-unit', fault }
  }
}

function text(object: JsonObject, member: string): string | undefined {
  const value = Object.hasOwn(object, member) ? object[member] : undefined
  return typeof value === 'string' ? value : undefined
}
