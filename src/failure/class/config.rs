//! The classes of mistakes in a configuration. They are found before anything is sent, except for a loop.

use super::rows;

rows! {
    ConfigInvalid "config_invalid"
        Config Config Never Person Internal 500 {
        meaning "a value of the configuration cannot be used"
        evidence "the message names the file, line and column, and what is wrong with the value"
        causes ["a value of another type or form than the key takes", "two keys that exclude each other"]
        remedies ["mend the value at the place that is named", "try without a start: otlp-relay validate --config FILE"]
        broken "
            exporters:
              otlp_grpc:
                timeout: soon"
        mended "
            exporters:
              otlp_grpc:
                timeout: 5s"
    }

    ConfigUnknownKey "config_unknown_key"
        Config Config Never Person Internal 500 {
        meaning "the configuration has a key that nothing knows"
        evidence "neither this relay nor the Collector has the key at this place"
        causes ["a typing mistake", "a key one step too far in or out", "a key of another version or component"]
        remedies ["take the key that the message proposes", "compare the indentation with the key above"]
        broken "
            exporters:
              otlp_grpc:
                endpont: http://collector:4317"
        mended "
            exporters:
              otlp_grpc:
                endpoint: http://collector:4317"
    }

    ConfigNotSupportedYet "config_not_supported_yet"
        Config Config Never Person Internal 500 {
        meaning "the configuration asks for something that the Collector has and this relay does not have yet"
        evidence "the key or component is one of the Collector's, and not among those of otlp-relay components"
        causes ["a configuration of the Collector with a component that is not built in here"]
        remedies ["remove the key or component, or do that part in a Collector", "see what there is: otlp-relay components"]
        broken "
            receivers:
              jaeger:
                protocols:
                  grpc:"
        mended "
            receivers:
              otlp:
                protocols:
                  grpc:"
    }

    ConfigInvalidEndpoint "config_invalid_endpoint"
        Config Config Never Person Internal 500 {
        meaning "an endpoint is no address"
        evidence "the text is neither host:port nor a URL, or its port is not one from 1 to 65535"
        causes [
            "a blank, quote or line end in the value, often from a variable or a secret's file",
            "an IPv6 address without brackets",
            "a port above 65535",
        ]
        remedies ["write host:port or a URL, as the message shows it", "write IPv6 addresses in brackets: \"[::1]:4317\""]
        broken "
            exporters:
              otlp_grpc:
                endpoint: http://collector:99999"
        mended "
            exporters:
              otlp_grpc:
                endpoint: http://collector:4317"
    }

    ConfigMissingPort "config_missing_port"
        Config Config Never Person Internal 500 {
        meaning "an endpoint has no port"
        evidence "the endpoint names a host alone, where nothing says which port is meant"
        causes ["the port was left out; a Collector would dial 443"]
        remedies ["add :4317 for gRPC, or :4318 for HTTP", "write :443 where the backend is behind TLS on the usual port"]
        broken "
            exporters:
              otlp_grpc:
                endpoint: collector"
        mended "
            exporters:
              otlp_grpc:
                endpoint: collector:4317"
    }

    ConfigUnsupportedScheme "config_unsupported_scheme"
        Config Config Never Person Internal 500 {
        meaning "an endpoint has a scheme that nothing here speaks"
        evidence "the scheme is not http or https"
        causes ["grpc://, tcp:// or otlp:// was written for an OTLP endpoint"]
        remedies ["write https:// for TLS, http:// for plaintext"]
        broken "
            exporters:
              otlp_http:
                endpoint: otlp://collector:4318"
        mended "
            exporters:
              otlp_http:
                endpoint: http://collector:4318"
    }

    ConfigSignalPathDoubled "config_signal_path_doubled"
        Config Config Never Person Internal 500 {
        meaning "a base URL already ends in a signal's path, which is appended once more"
        evidence "the endpoint of otlp_http ends in /v1/traces, /v1/metrics or /v1/logs"
        causes ["the URL of one signal was pasted as the base of all"]
        remedies ["remove /v1/<signal> from endpoint", "write it as traces_endpoint, metrics_endpoint or logs_endpoint"]
        broken "
            exporters:
              otlp_http:
                endpoint: http://collector:4318/v1/traces"
        mended "
            exporters:
              otlp_http:
                endpoint: http://collector:4318"
    }

    ConfigGrpcPathIgnored "config_grpc_path_ignored"
        Config Config Never Person Internal 500 {
        meaning "an endpoint for gRPC has a path, which gRPC has no use for"
        evidence "the endpoint of otlp_grpc has a path other than /"
        causes ["the backend's URL for OTLP/HTTP was given to otlp_grpc"]
        remedies ["use the otlp_http exporter with this URL", "remove the path, and use the backend's gRPC port"]
        broken "
            exporters:
              otlp_grpc:
                endpoint: https://otel.example.com:443/otlp"
        mended "
            exporters:
              otlp_http:
                endpoint: https://otel.example.com/otlp"
    }

    ConfigPortSuspicious "config_port_suspicious"
        Config Config Never Person Internal 500 {
        meaning "an endpoint has the usual port of the other protocol"
        evidence "otlp_grpc sends to port 4318, or otlp_http to port 4317"
        causes ["the two ports were mixed up"]
        remedies ["use 4317 with otlp_grpc, 4318 with otlp_http", "leave it where the backend really serves it there"]
        broken "
            exporters:
              otlp_grpc:
                endpoint: http://collector:4318"
        mended "
            exporters:
              otlp_grpc:
                endpoint: http://collector:4317"
    }

    ConfigUnexpandedVariable "config_unexpanded_variable"
        Config Config Never Person Internal 500 {
        meaning "a variable is not set where its value is needed, or a reference was not expanded"
        evidence "a value still holds ${…}, or became empty since the variable is not set"
        causes [
            "the variable is not passed to the container or the service",
            "$NAME was written where ${env:NAME} is meant",
            "the name is misspelt",
        ]
        remedies [
            "set the variable for this process: docker run -e NAME, env: in Kubernetes, Environment= in systemd",
            "give it a default: ${env:NAME:-default}",
        ]
        broken "
            exporters:
              otlp_grpc:
                endpoint: ${env:A_BACKEND_THAT_IS_NOT_SET}"
        mended "
            exporters:
              otlp_grpc:
                endpoint: ${env:A_BACKEND_THAT_IS_NOT_SET:-collector:4317}"
    }

    ConfigInvalidHeader "config_invalid_header"
        Config Config Never Person Internal 500 {
        meaning "a header cannot be sent"
        evidence "its name is no token, or its value holds a character that no header may hold"
        causes ["a secret's file ends in a line end", "quotes became part of the value", "an invisible character was pasted"]
        remedies ["remove the character that the message names", "write the secret without a line end: printf %s TOKEN > file"]
        broken "
            exporters:
              otlp_grpc:
                headers:
                  \"api key\": x"
        mended "
            exporters:
              otlp_grpc:
                headers:
                  api-key: x"
    }

    ConfigEmptyCredential "config_empty_credential"
        Config Config Never Person Internal 500 {
        meaning "a credential is empty or a placeholder"
        evidence "the authorization header is empty, or has nothing behind Bearer or Basic"
        causes ["the variable that holds the token is not set", "the example of a manual was not filled in"]
        remedies ["set the variable, and see that the process has it", "remove the header, if the backend wants none"]
        broken "
            exporters:
              otlp_grpc:
                headers:
                  authorization: 'Bearer '"
        mended "
            exporters:
              otlp_grpc:
                headers:
                  authorization: Bearer ${env:TOKEN:-token}"
    }

    ConfigInvalidProxy "config_invalid_proxy"
        Config Config Never Person Internal 500 {
        meaning "a proxy is no address of one"
        evidence "HTTPS_PROXY, HTTP_PROXY or proxy_url is no http:// URL"
        causes ["a reference that was not expanded", "a SOCKS proxy"]
        remedies ["write http://host:port", "unset the variable where no proxy is needed"]
        broken "HTTPS_PROXY=socks5://proxy.example:1080 otlp-relay"
        mended "HTTPS_PROXY=http://proxy.example:3128 otlp-relay"
    }

    ConfigFileUnreadable "config_file_unreadable"
        Config Config Never Person Internal 500 {
        meaning "a certificate or key file cannot be read"
        evidence "opening the file fails: it is not there, not readable, or a directory"
        causes [
            "the path is one of the host, and not mounted into the container",
            "the file belongs to root with mode 0600, and the relay runs as another user",
            "a secret was not mounted",
        ]
        remedies [
            "mount the file, and write its path inside the container",
            "let the relay's user read it: ls -l the file and the directories above",
        ]
        broken "docker run otlp-relay --config relay.yaml"
        mended "docker run -v ./ca.pem:/etc/ssl/ca.pem:ro otlp-relay --config relay.yaml"
    }

    ConfigPemInvalid "config_pem_invalid"
        Config Config Never Person Internal 500 {
        meaning "a certificate or key file holds none"
        evidence "the file has no PEM block of the kind that is needed, or a block that is cut short"
        causes [
            "the file is DER or PKCS#12",
            "the key is in ca_file, or the certificate in key_file",
            "the key is encrypted with a password",
            "the copy was cut short",
        ]
        remedies [
            "convert it: openssl x509 -inform der -in cert.der -out cert.pem",
            "take the password off the key: openssl pkey -in key.pem -out plain.pem",
        ]
        broken "openssl x509 -in cert.pem -outform der -out ca.crt"
        mended "openssl x509 -in ca.crt -inform der -out ca.pem"
    }

    ConfigKeyMismatch "config_key_mismatch"
        Config Config Never Person Internal 500 {
        meaning "a key does not belong to its certificate"
        evidence "the public key in the certificate is not that of the key file"
        causes ["the certificate was renewed, and the key is the old one", "the files of two services were mixed up"]
        remedies [
            "take the key that the certificate was requested with",
            "compare: openssl pkey -in key.pem -pubout, and openssl x509 -in cert.pem -noout -pubkey",
        ]
        broken "openssl req -new -key new.key -out request.csr; cp old.key key.pem"
        mended "openssl req -new -key new.key -out request.csr; cp new.key key.pem"
    }

    ConfigWildcardDestination "config_wildcard_destination"
        Config Config Never Person Internal 500 {
        meaning "an exporter sends to an address to listen on"
        evidence "the endpoint of an exporter is 0.0.0.0 or [::]"
        causes ["a receiver's endpoint was copied"]
        remedies ["write the backend's name, or 127.0.0.1 for this machine"]
        broken "
            exporters:
              otlp_grpc:
                endpoint: http://0.0.0.0:14317"
        mended "
            exporters:
              otlp_grpc:
                endpoint: http://127.0.0.1:14317"
    }

    ExportLoop "config_export_loop"
        Config Receive Never Person InvalidArgument 400 {
        meaning "the relay receives its own exports"
        evidence "a request carries this relay's own mark, or an exporter's endpoint is one of its receivers"
        causes [
            "the exporter's endpoint is localhost:4317, which is this relay's receiver",
            "two relays send to each other",
            "an injector set OTEL_EXPORTER_OTLP_ENDPOINT for this process too",
        ]
        remedies [
            "point the exporter at the backend, not at this relay's receiver",
            "unset OTEL_EXPORTER_OTLP_ENDPOINT for this process, if it was meant for applications",
        ]
        broken "
            exporters:
              otlp_grpc:
                endpoint: http://localhost:4317"
        mended "
            exporters:
              otlp_grpc:
                endpoint: http://collector:4317"
    }

    ConfigCycle "config_cycle"
        Config Config Never Person Internal 500 {
        meaning "fallbacks or connectors lead back to where they begin"
        evidence "the fallbacks of an exporter name it again, or a pipeline feeds itself over connectors"
        causes [
            "two exporters are each other's fallback",
            "a pipeline exports to a connector that feeds a pipeline in front of it",
        ]
        remedies [
            "let one of the exporters have no fallback that leads back",
            "take one of the connectors out of the pipeline that closes the circle",
        ]
        broken "{a: {fallback: {exporters: [b]}}, b: {fallback: {exporters: [a]}}}"
        mended "{a: {fallback: {exporters: [b]}}}"
    }
}
