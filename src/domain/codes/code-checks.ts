import type { CodeCheck } from './code-check.ts'
import { checkCurrency } from './currency.ts'
import { checkDivision } from './division.ts'
import { checkDocumentType } from './document-type.ts'
import { checkEntityType } from './entity-type.ts'
import { checkIndustryCode } from './industry.ts'
import { checkContainerNumber } from './iso6346.ts'
import { checkOrganisationCode } from './organisation-code.ts'
import { checkRegistrationNumber } from './registration-number.ts'
import { checkResidentId } from './resident-id.ts'
import { checkOldTaxNumber, checkTaxpayerId } from './tax-number.ts'
import { checkUscc } from './uscc.ts'

/** Every check that a schema can name: `"code": "uscc"`. */
export const codeChecks: Readonly<Record<string, CodeCheck>> = {
  uscc: checkUscc,
  'organisation-code': checkOrganisationCode,
  'registration-number': checkRegistrationNumber,
  'tax-number-15': checkOldTaxNumber,
  'taxpayer-id': checkTaxpayerId,
  'resident-id': checkResidentId,
  division: checkDivision,
  'industry-code': checkIndustryCode,
  currency: checkCurrency,
  'entity-type': checkEntityType,
  'document-type': checkDocumentType,
  iso6346: checkContainerNumber,
}

export function codeCheckOf(name: string): CodeCheck | undefined {
  return Object.hasOwn(codeChecks, name) ? codeChecks[name] : undefined
}
