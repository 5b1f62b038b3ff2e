#!/bin/sh
# Takes the arguments of SeaweedFS, and answers its port with moto.
exec /opt/moto/bin/moto_server -H 0.0.0.0 -p 8333
