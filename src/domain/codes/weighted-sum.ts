/** Sum of value times weight over the first characters of a code, as many as there are weights. */
export function weightedSum(code: string, weights: readonly number[], numberOf: (character: string) => number): number {
  let sum = 0
  for (let index = 0; index < weights.length; index += 1) sum += (weights[index] ?? 0) * numberOf(code.charAt(index))
  return sum
}
