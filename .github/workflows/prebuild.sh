# The addon for this platform, with a libdeflate compiled here: distributions have it old, or without a static library.
# Wants LIBDEFLATE, its version. Leaves prebuilds/.
set -eu
if command -v apk >/dev/null; then
  apk add --no-cache build-base cmake curl pkgconf python3
elif command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  apt-get update -q && apt-get install -qy --no-install-recommends build-essential ca-certificates cmake curl pkg-config python3
fi
prefix=$(mktemp -d)
curl -fsSL "https://github.com/ebiggers/libdeflate/releases/download/v$LIBDEFLATE/libdeflate-$LIBDEFLATE.tar.gz" | tar -xz -C "$prefix"
cmake -S "$prefix/libdeflate-$LIBDEFLATE" -B "$prefix/build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$prefix/installed" \
  -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DLIBDEFLATE_BUILD_SHARED_LIB=OFF -DLIBDEFLATE_BUILD_GZIP=OFF
cmake --build "$prefix/build" --target install
npm ci --ignore-scripts
PKG_CONFIG_PATH="$prefix/installed/lib/pkgconfig" npm run prebuildify
rm -rf "$prefix"
