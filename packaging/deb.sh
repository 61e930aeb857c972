#!/bin/bash
# Makes the Debian package. COMPRESSION and SHLIBDEPS are more words for dpkg-deb and dpkg-shlibdeps.
#
#   deb.sh PROGRAMS OUTPUT    from the programs in PROGRAMS; prints the file it has made in OUTPUT
set -euo pipefail
programs=$(cd "$1" && pwd)
mkdir -p "$2"
output=$(cd "$2" && pwd)
cd "$(dirname "$0")"

version=$("$programs/pilotlightctl" --version)
architecture=$(dpkg --print-architecture)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
mkdir -p "$tree/DEBIAN" "$work/debian"

./install.sh "$programs" "$tree" /usr
documents=$tree/usr/share/doc/pilotlight
install -m 644 debian/copyright "$documents/copyright"
date=$(LC_ALL=C date --utc --date="@${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}" '+%a, %d %b %Y %T +0000')
sed "s/@VERSION@/$version/; s/@DATE@/$date/" debian/changelog | gzip -9n > "$documents/changelog.gz"
chmod 644 "$documents/changelog.gz"
install -D -m 644 debian/lintian-overrides "$tree/usr/share/lintian/overrides/pilotlight"

# What the programs are linked to decides what the package needs. dpkg-shlibdeps wants a source tree around it.
printf 'Source: pilotlight\n\nPackage: pilotlight\nArchitecture: any\n' > "$work/debian/control"
# shellcheck disable=SC2086
needs=$(cd "$work" && dpkg-shlibdeps -O ${SHLIBDEPS:-} "$tree/usr/bin/pilotlightd" "$tree/usr/bin/pilotlightctl")
size=$(du --summarize --block-size=1K "$tree" | cut -f 1)
sed "s/@VERSION@/$version/; s/@ARCHITECTURE@/$architecture/; s/@SIZE@/$size/; s/@NEEDS@/${needs#*=}/" debian/control \
  > "$tree/DEBIAN/control"
find "$tree/etc" -type f -printf '/etc/%P\n' > "$tree/DEBIAN/conffiles"
install -m 755 debian/postinst debian/prerm debian/postrm "$tree/DEBIAN/"
(cd "$tree" && find usr lib -type f -print0 | sort -z | xargs -0 md5sum > DEBIAN/md5sums)
chmod -R u=rwX,go=rX "$tree"
chmod 755 "$tree"/DEBIAN/p*

package=$output/pilotlight_${version}_$architecture.deb
# shellcheck disable=SC2086
dpkg-deb --root-owner-group ${COMPRESSION:--Zxz} --build "$tree" "$package" >&2
echo "$package"
