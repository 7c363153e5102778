#!/bin/sh
# Makes the seal font from Noto Serif SC SemiBold.
#
#   sh make-subset.sh NotoSerifSC_600SemiBold.ttf
#
# The source is 600SemiBold/NotoSerifSC_600SemiBold.ttf of the npm package @expo-google-fonts/noto-serif-sc 0.4.3.
# Needs Python with fonttools 4.68.0 and brotli 1.2.1; the same versions give the same bytes.
set -eu
source_font=$1
folder=$(cd "$(dirname "$0")" && pwd)
target="$folder/NotoSerifSC-SemiBold.subset.ttf.br"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Every ideograph that the font has (unified, extensions, compatibility, radicals), CJK punctuation, full-width forms,
# ASCII, middle dots, dashes, quotation marks. Names hold rare characters, so none is left out for size.
unicodes='0020-007E,00B7,2014,2018-2019,201C-201D,2022,2026,2E80-2FDF,3000-303F,30FB'
unicodes="$unicodes,3400-4DBF,4E00-9FFF,F900-FAFF,FF00-FFEF,20000-323AF"

SOURCE_DATE_EPOCH=0 python3 -m fontTools.subset "$source_font" \
  --unicodes="$unicodes" \
  --layout-features= \
  --no-hinting --no-glyph-names --no-recalc-timestamp \
  --drop-tables+=GSUB,GPOS,GDEF,BASE,STAT,VORG,vhea,vmtx,gasp,DSIG \
  --name-IDs=0,1,2,5,13,14 \
  --output-file="$work/subset.ttf"

python3 - "$work/subset.ttf" "$target" <<'PYTHON'
import brotli, sys
with open(sys.argv[1], "rb") as source, open(sys.argv[2], "wb") as target:
    target.write(brotli.compress(source.read(), quality=11, lgwin=24))
PYTHON
ls -l "$target"
