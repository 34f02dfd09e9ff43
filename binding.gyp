{
  "variables": {
    "libdeflate_libs": "<!(node src/native/libdeflate.mjs libs)"
  },
  "targets": [
    {
      "target_name": "npymap",
      "sources": [
        "src/native/addon.c",
        "src/native/handle.c",
        "src/native/copy.c",
        "src/native/gather.c",
        "src/native/gather_run.c",
        "src/native/mapping.c",
        "src/native/memory.c",
        "src/native/faults.c",
        "src/native/signal_chain.c",
        "src/native/output.c",
        "src/native/crc32.c",
        "src/native/inflate.c",
        "src/native/zlib_symbols.c",
        "src/native/strided.c",
        "src/native/strided_lines.c",
        "src/native/strided_planes.c"
      ],
      "defines": ["NAPI_VERSION=8"],
      "cflags": ["-std=c11", "-O2", "-Wall", "-Wextra", "-fvisibility=hidden"],
      "cflags!": ["-fno-strict-aliasing"],
      "ldflags": ["-Wl,-z,nodelete"],
      "conditions": [
        ["'<(libdeflate_libs)'!=''", {
          "sources": [
            "src/native/codec_libdeflate.c",
            "src/native/deflate_choice.c",
            "src/native/deflate_codes.c",
            "src/native/deflate_elements.c",
            "src/native/deflate_literals.c",
            "src/native/deflate_reader.c",
            "src/native/deflate_seam.c",
            "src/native/deflate_survey.c",
            "src/native/deflate_tokens.c",
            "src/native/inflate_literals.c"
          ],
          "include_dirs": ["<!@(node src/native/libdeflate.mjs includes)"],
          "libraries": ["<(libdeflate_libs)"]
        }, {
          "sources": ["src/native/codec_none.c"]
        }],
        ["OS=='mac'", {
          "xcode_settings": {
            "GCC_C_LANGUAGE_STANDARD": "c11",
            "GCC_OPTIMIZATION_LEVEL": "2",
            "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
            "WARNING_CFLAGS": ["-Wall", "-Wextra"]
          }
        }],
        ["'<!(node -p \"process.env.NPYMAP_WERROR || 0\")'=='1'", { "cflags": ["-Werror"] }]
      ]
    }
  ]
}
