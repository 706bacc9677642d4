#!/bin/sh
# Writes these files anew with LibreOffice. Formats of CSV: delimiter, quote, character set (76 UTF-8, 1 Windows-1252,
# 64 Shift_JIS, 65535 UTF-16), first line.
set -eu
cd "$(dirname "$0")"
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
convert() { # source, filter, file
    soffice --headless --norestore "-env:UserInstallation=file://$made/profile" --convert-to "$2" --outdir "$made" "$1"
    mv "$made/$(basename "$1" .fods).${2%%:*}" "$3"
}
in_language() { # language, country
    sed "s/style:name=\"N\(4\|10\)\"><number:number /style:name=\"N\1\" number:language=\"$1\" number:country=\"$2\"><number:number /" \
        credits.fods >"$made/$1.fods"
}
csv='csv:Text - txt - csv (StarCalc)'
xlsx='xlsx:Calc MS Excel 2007 XML'
in_language de DE
in_language fr FR
convert credits.fods "$xlsx" credits.xlsx
convert japanese.fods "$xlsx" japanese.xlsx
convert credits.fods "$csv:44,34,76,1" comma_utf8.csv
convert credits.fods "$csv:9,34,65535,1" tab_utf16.csv
convert "$made/de.fods" "$csv:59,34,1,1,,0,false,true" german_windows1252.csv
convert "$made/fr.fods" "$csv:59,34,76,1,,0,false,true" french_utf8.csv
convert japanese.fods "$csv:44,34,64,1" japanese_shift_jis.csv
