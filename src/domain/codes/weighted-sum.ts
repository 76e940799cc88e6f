/** What each character of an alphabet counts, by its code. */
export type CharacterValues = Int8Array

const asciiCodes = 128

/** @param alphabet its characters count 0, 1, 2, …; any other counts -1, and a check asks for the alphabet before it sums */
export function valuesOf(alphabet: string): CharacterValues {
  const values = new Int8Array(asciiCodes).fill(-1)
  for (let value = 0; value < alphabet.length; value++) values[alphabet.charCodeAt(value)] = value
  return values
}

/** Sum of value times weight over the first characters of a code, as many as there are weights. */
export function weightedSum(code: string, weights: readonly number[], values: CharacterValues): number {
  let sum = 0
  for (let index = 0; index < weights.length; index += 1) sum += (weights[index] ?? 0) * (values[code.charCodeAt(index)] ?? -1)
  return sum
}
