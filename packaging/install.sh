#!/bin/bash
# Puts the product where a system looks for it: `make install` and the Debian package are this script.
#
#   install.sh PROGRAMS DESTINATION PREFIX    programs are taken from PROGRAMS; DESTINATION is empty for this system
set -euo pipefail
programs=$1 destination=$2 prefix=$3
cd "$(dirname "$0")/.."

put() { install -D -m "$1" "$2" "$destination$3"; }

for program in pilotlightd pilotlightctl; do
  put 755 "$programs/$program" "$prefix/bin/$program"
  strip --strip-unneeded --remove-section=.comment --remove-section=.note "$destination$prefix/bin/$program"
  # bash reads it, nobody runs it.
  put 644 <("$programs/$program" --generate-completion-script bash | sed "1{/^#!/d}") "$prefix/share/bash-completion/completions/$program"
  put 644 <("$programs/$program" --generate-completion-script zsh) "$prefix/share/zsh/vendor-completions/_$program"
  put 644 <("$programs/$program" --generate-completion-script fish) "$prefix/share/fish/vendor_completions.d/$program.fish"
done

for unit in pilotlightd.service pilotlightd.socket pilotlight-drill.service pilotlight-drill.timer; do
  put 644 <(sed "s#/usr/bin/#$prefix/bin/#" "systemd/$unit") "/lib/systemd/system/$unit"
done
# Read from /usr/lib alone, whatever the prefix.
put 644 systemd/pilotlight.sysusers.conf /usr/lib/sysusers.d/pilotlight.conf
put 644 systemd/pilotlight.catalog /usr/lib/systemd/catalog/pilotlight.catalog
put 644 config/pilotlight.yaml /etc/pilotlight/pilotlight.yaml.example

for page in packaging/man/*.[158]; do
  put 644 <(gzip -9n < "$page") "$prefix/share/man/man${page##*.}/$(basename "$page").gz"
done
for page in README.md config/REFERENCE.md config/SCENARIOS.md; do
  put 644 "$page" "$prefix/share/doc/pilotlight/$(basename "$page")"
done
for scenario in config/scenarios/*.yaml; do
  put 644 "$scenario" "$prefix/share/pilotlight/scenarios/$(basename "$scenario")"
done
for program in config/programs/*; do put 755 "$program" "$prefix/share/pilotlight/programs/$(basename "$program")"; done

if [ -z "$destination" ]; then
  systemd-sysusers pilotlight.conf
  journalctl --update-catalog
  if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
  [ -e /etc/pilotlight/pilotlight.yaml ] || cat <<END
Installed, and not started: write /etc/pilotlight/pilotlight.yaml (pilotlight.yaml.example beside it is where to begin), check it with
'pilotlightd --check --live', then 'systemctl enable --now pilotlightd.socket pilotlightd.service pilotlight-drill.timer'.
END
fi
