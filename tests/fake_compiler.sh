#!/bin/sh
# Stands in for a C++ compiler: waits for the file $FAKE_GATE, then hands out the file $FAKE_STEP as
# what it has compiled. Without a step it fails.
if [ "$1" = --version ]; then
    echo "fake 1.0"
    exit
fi
until [ -e "$FAKE_GATE" ]; do sleep 0.01; done
if [ -z "$FAKE_STEP" ]; then
    echo "step.cpp:7:1: note: so it goes"
    echo "step.cpp:7:1: error: the fake compiler gives up"
    echo "compilation terminated."
    exit 1
fi
while [ "$1" != -o ]; do shift; done
cp "$FAKE_STEP" "$2"
