declare module 'ndarray-ops' {
  import type { NdArray, TypedArray } from 'ndarray'

  type Numbers = NdArray<TypedArray>
  const ops: {
    addseq(to: Numbers, value: number): void
    assign(to: Numbers, from: Numbers): void
    mulseq(to: Numbers, value: number): void
    sum(from: Numbers): number
    sup(from: Numbers): number
  }
  export default ops
}
