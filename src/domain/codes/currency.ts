import { type CodeResult, codeError } from './code-check.ts'

/**
 * ISO 4217 in force in 2026, without funds (CLF, USN, …), metals, tests and "no currency": a capital is stated in money.
 * A list of our own, since the runtime's still has retired ones.
 */
const inForce: ReadonlySet<string> = new Set(
  (
    'AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP CRC ' +
    'CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ' +
    'ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK ' +
    'MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE ' +
    'SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF ' +
    'XPF YER ZAR ZMW ZWG'
  ).split(' '),
)

/** What took the place of a retired currency. */
const successors: ReadonlyMap<string, string> = new Map([
  ...'ADP ATS BEF CYP DEM EEK ESP FIM FRF GRD HRK IEP ITL LTL LUF LVL MTL NLG PTE SIT SKK BGN XEU'
    .split(' ')
    .map((code): [string, string] => [code, 'EUR']),
  ['AFA', 'AFN'],
  ['ANG', 'XCG'],
  ['AON', 'AOA'],
  ['AZM', 'AZN'],
  ['BGL', 'EUR'],
  ['BYB', 'BYN'],
  ['BYR', 'BYN'],
  ['CSD', 'RSD'],
  ['CUC', 'CUP'],
  ['GHC', 'GHS'],
  ['MGF', 'MGA'],
  ['MRO', 'MRU'],
  ['MZM', 'MZN'],
  ['PLZ', 'PLN'],
  ['ROL', 'RON'],
  ['RUR', 'RUB'],
  ['SDD', 'SDG'],
  ['SLL', 'SLE'],
  ['SRG', 'SRD'],
  ['STD', 'STN'],
  ['TMM', 'TMT'],
  ['TPE', 'USD'],
  ['TRL', 'TRY'],
  ['VEB', 'VES'],
  ['VEF', 'VES'],
  ['YUM', 'RSD'],
  ['ZMK', 'ZMW'],
  ['ZWD', 'ZWG'],
  ['ZWL', 'ZWG'],
  ['ZWR', 'ZWG'],
])

/**
 * Currency 币种.
 *
 * @see ISO 4217, alphabetic codes
 */
export function checkCurrency(value: string): CodeResult {
  if (value.length !== 3) return codeError('length', 'A currency has 3 letters, such as CNY.', '币种为 3 位字母代码，如 CNY。')
  if (!/^[A-Z]{3}$/.test(value)) {
    return codeError(
      'format',
      'A currency is written in the capital letters of ISO 4217, such as CNY; not as a number or a name.',
      '币种使用 ISO 4217 大写字母代码，如 CNY，不用数字代码或名称。',
    )
  }
  if (inForce.has(value)) return undefined
  const successor = successors.get(value)
  if (successor !== undefined) {
    return codeError(
      'retired',
      `The currency ${value} is retired; ${successor} took its place.`,
      `币种 ${value} 已停用，由 ${successor} 取代。`,
    )
  }
  return codeError(
    'unknown',
    `ISO 4217 has no currency ${value} in force; the yuan is CNY.`,
    `ISO 4217 现行代码中没有 ${value}；人民币为 CNY。`,
  )
}
