#!/bin/bash
# Puts the product where a system looks for it: `make install` and the Debian package are this script.
#
#   install.sh PROGRAMS DESTINATION PREFIX    programs are taken from PROGRAMS; DESTINATION is empty for this system
set -euo pipefail
programs=$1 destination=$2 prefix=$3
cd "$(dirname "$0")/.."

put() { install -D -m "$1" "$2" "$destination$3"; }
# What is made on the way goes through a file: a command within <(...) fails unnoticed.
made=$(mktemp)
trap 'rm -f "$made"' EXIT
put_made() {
  "${@:3}" > "$made"
  put "$1" "$made" "$2"
}
without_first_line() { "$@" | sed '1{/^#!/d}'; }

for program in pilotlightd pilotlightctl; do
  put 755 "$programs/$program" "$prefix/bin/$program"
  strip --strip-unneeded --remove-section=.comment --remove-section=.note "$destination$prefix/bin/$program"
  # bash reads it, nobody runs it.
  put_made 644 "$prefix/share/bash-completion/completions/$program" \
    without_first_line "$programs/$program" --generate-completion-script bash
  put_made 644 "$prefix/share/zsh/vendor-completions/_$program" "$programs/$program" --generate-completion-script zsh
  put_made 644 "$prefix/share/fish/vendor_completions.d/$program.fish" "$programs/$program" --generate-completion-script fish
done

for unit in pilotlightd.service pilotlightd.socket pilotlight-drill.service pilotlight-drill.timer pilotlight-failed@.service; do
  put_made 644 "/lib/systemd/system/$unit" sed "s#/usr/bin/#$prefix/bin/#" "systemd/$unit"
done
# Read from /usr/lib alone, whatever the prefix.
put 644 systemd/pilotlight.sysusers.conf /usr/lib/sysusers.d/pilotlight.conf
put 644 systemd/pilotlight.catalog /usr/lib/systemd/catalog/pilotlight.catalog
# What its owner wrote into it stays, as with dpkg.
example=/etc/pilotlight/pilotlight.yaml.example
if [ -e "$destination$example" ] && ! cmp -s config/pilotlight.yaml "$destination$example"; then
  put 644 config/pilotlight.yaml "$example.new"
  echo "$example is not this version's and is left as it is; this version's is $example.new"
else
  put 644 config/pilotlight.yaml "$example"
fi

for page in packaging/man/*.[158]; do
  put_made 644 "$prefix/share/man/man${page##*.}/$(basename "$page").gz" gzip -9nc "$page"
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
  if [ -e /etc/pilotlight/pilotlight.yaml ]; then
    cat <<END
Installed. What runs is still what was there before: check that this version takes the configuration ('pilotlightd --check'), then
'systemctl restart pilotlightd'; it goes on from the ledger.
END
  else
    cat <<END
Installed, and not started: write /etc/pilotlight/pilotlight.yaml (pilotlight.yaml.example beside it is where to begin), check it with
'pilotlightd --check --live', then 'systemctl enable --now pilotlightd.socket pilotlightd.service pilotlight-drill.timer'.
END
  fi
fi
