// The public surface: a name more or less is a decision, seen here.

import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { expect, test } from 'vitest'
import * as npymap from '../src/index.ts'

const index = fileURLToPath(new URL('../src/index.ts', import.meta.url))

/** Every exported name, types included, with the declaration it stands for. */
function exported(): { name: string; isType: boolean; documented: boolean; place: string }[] {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ESNext,
    module: ts.ModuleKind.NodeNext,
    allowImportingTsExtensions: true,
    noEmit: true,
    types: ['node'],
  }
  const program = ts.createProgram([index], options)
  const checker = program.getTypeChecker()
  const module = checker.getSymbolAtLocation(program.getSourceFile(index) as ts.SourceFile) as ts.Symbol
  return checker.getExportsOfModule(module).map((symbol) => {
    const declared = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
    const place = declared.declarations?.[0]?.getSourceFile().fileName ?? 'nowhere'
    return {
      name: symbol.name,
      isType: (declared.flags & ts.SymbolFlags.Value) === 0,
      documented: ts.displayPartsToString(declared.getDocumentationComment(checker)).trim() !== '',
      place: place.slice(place.lastIndexOf('/src/') + 1),
    }
  })
}

const names = exported()

test('values', () => {
  expect(Object.keys(npymap).sort()).toMatchInlineSnapshot(`
    [
      "ClosedError",
      "DType",
      "FaultError",
      "FormatError",
      "IntegrityError",
      "LayoutError",
      "Memmap",
      "NdView",
      "NpyWriter",
      "NpymapError",
      "NpzFile",
      "NpzWriter",
      "OsError",
      "SelectionError",
      "UnsupportedError",
      "buildInfo",
      "formatTime",
      "isNpymapError",
      "load",
      "open",
      "openNpz",
      "readHeader",
      "save",
      "savez",
      "savezCompressed",
      "slice",
    ]
  `)
})

test('types', () => {
  const types = names.filter(({ isType }) => isType).map(({ name }) => name)
  expect(types.sort()).toMatchInlineSnapshot(`
    [
      "Advice",
      "AppendOptions",
      "ArrayData",
      "ArrayLike",
      "BuildInfo",
      "ByteOrder",
      "Chunk",
      "ChunkOptions",
      "Complex",
      "Compress",
      "CompressOptions",
      "CreateOptions",
      "DTypeKind",
      "DTypeLike",
      "DTypeName",
      "DatetimeUnit",
      "Descr",
      "DescrField",
      "DescrSubarray",
      "ElementOf",
      "FaultReason",
      "Field",
      "GatherOptions",
      "GrowingMemberOptions",
      "HeaderOptions",
      "Indices",
      "IntegerArray",
      "LayoutReason",
      "LoadOptions",
      "MapMode",
      "MemberCompression",
      "MemberInfo",
      "MemberOptions",
      "Members",
      "NdarrayParts",
      "NpyFileHeader",
      "NpzLoadOptions",
      "NpzOptions",
      "NpzRecoverOptions",
      "NpzRecovery",
      "NpzVerifyOptions",
      "NpzWriterOptions",
      "OpenOptions",
      "Order",
      "PrefetchOptions",
      "PrintOptions",
      "RawOptions",
      "ReadOptions",
      "RecoverOptions",
      "Recovery",
      "RowRange",
      "SaveOptions",
      "SavezCompressedOptions",
      "SavezOptions",
      "Selector",
      "Slice",
      "StructuredElement",
      "Subarray",
      "TakeOptions",
      "TransferableArray",
      "TransferableSource",
      "TypedArray",
      "TypedArrayOf",
      "WriterOptions",
    ]
  `)
})

test('every exported name has a TSDoc comment where it is declared', () => {
  expect(names.length).toBeGreaterThan(Object.keys(npymap).length)
  const bare = names.filter(({ documented }) => !documented).map(({ name, place }) => `${name} (${place})`)
  expect(bare).toEqual([])
})
