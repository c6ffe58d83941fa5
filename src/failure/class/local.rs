//! The classes of what happens in this process and on this machine: limits, the queue, the disk, listening.

use super::rows;

rows! {
    TooManyOpenFiles "too_many_open_files"
        Local Local BackOff Either Unavailable 503 {
        meaning "this process has no free file descriptor"
        evidence "a call of the operating system fails with EMFILE or ENFILE"
        causes [
            "the limit of open files is low (1024 is a usual default) for so many clients",
            "a flood of connections from senders that never reuse one",
            "something leaks descriptors",
        ]
        remedies [
            "raise the limit of open files (ulimit -n, LimitNOFILE=)",
            "count what is open with ls -l /proc/PID/fd, and see whether senders keep their connections alive",
        ]
        broken "ulimit -n 1024; otlp-relay --config relay.yaml"
        mended "ulimit -n 65536; otlp-relay --config relay.yaml"
    }

    MemoryLimited "memory_limited"
        Local Local BackOff Either Unavailable 503 {
        meaning "the data held in memory has reached its limit"
        evidence "the memory limiter measures more live bytes than its limit"
        causes [
            "an exporter fails, and its queue grows",
            "more data arrives than the backend takes",
            "the limit is small for the queues that are configured",
        ]
        remedies [
            "see which exporter is failing and fills its queue, or raise the memory limit",
            "bound the queues in bytes: sending_queue::sizer: bytes",
        ]
        broken "
            processors:
              memory_limiter:
                check_interval: 1s
                limit_mib: 40"
        mended "
            processors:
              memory_limiter:
                check_interval: 1s
                limit_mib: 400"
    }

    SourceAddressUnavailable "source_address_unavailable"
        Local Connect BackOff Either Unavailable 503 {
        meaning "no local address or port is free for the connection"
        evidence "connecting fails with EADDRNOTAVAIL before a packet is sent"
        causes [
            "all ephemeral ports are used up, most of them in TIME_WAIT",
            "the endpoint is an IPv6 address, and this machine has none of its own",
        ]
        remedies [
            "check the ephemeral port range and connections in TIME_WAIT",
            "use an IPv4 address or a name that has one",
        ]
        broken "sysctl -w net.ipv4.ip_local_port_range=\"60000 60100\""
        mended "sysctl -w net.ipv4.ip_local_port_range=\"32768 60999\""
    }

    ShuttingDown "shutting_down"
        Local Local BackOff Time Unavailable 503 {
        meaning "the relay is stopping"
        evidence "the relay was told to stop, and the grace period has begun or is over"
        causes [
            "a restart, a deployment or docker stop",
            "the data could not be delivered within the grace period since the backend fails",
        ]
        remedies [
            "send it again when the relay is back",
            "look at why exports failed before the stop: the same line names it",
        ]
        broken "docker stop --time 1 relay"
        mended "docker stop --time 10 relay"
    }

    Panicked "internal_panic"
        Local Local Never Person Internal 500 {
        meaning "a task of the relay panicked: a bug of the relay"
        evidence "a panic was caught around the work on one request"
        causes ["a bug of the relay"]
        remedies [
            "report the panic message of the log",
            "take another version of the relay until it is mended",
        ]
        broken "otlp-relay --config relay.yaml"
        mended "OTEL_LOG_LEVEL=debug otlp-relay --config relay.yaml"
    }

    QueueFull "queue_full"
        Queue Queue BackOff Either Unavailable 503 {
        meaning "the exporter's sending_queue is full"
        evidence "what waits and what is under way uses all of sending_queue::queue_size"
        causes [
            "the exporter fails, and everything waits for the next try: its own class says why",
            "the backend is slower than what comes in",
            "too few exports run at a time for the backend's round trip",
        ]
        remedies [
            "see why the exporter is slow or failing; sending_queue::queue_size only delays it",
            "raise sending_queue::num_consumers where the backend is far but not busy",
            "set sending_queue::block_on_overflow: true where senders can wait",
        ]
        broken "
            exporters:
              otlp_grpc:
                sending_queue:
                  queue_size: 10"
        mended "
            exporters:
              otlp_grpc:
                sending_queue:
                  queue_size: 5000
                  num_consumers: 20"
    }

    TooLargeForQueue "too_large_for_queue"
        Queue Queue Never Person InvalidArgument 400 {
        meaning "one request is larger than the whole sending_queue"
        evidence "the size of the request, in units of sending_queue::sizer, exceeds queue_size"
        causes [
            "queue_size was written for requests, while sizer counts items or bytes",
            "the sender makes very large batches",
        ]
        remedies [
            "raise sending_queue::queue_size, or send smaller requests",
            "set sending_queue::sizer to the unit that queue_size is meant in",
        ]
        broken "
            exporters:
              otlp_grpc:
                sending_queue:
                  sizer: bytes
                  queue_size: 1000"
        mended "
            exporters:
              otlp_grpc:
                sending_queue:
                  sizer: bytes
                  queue_size: 100000000"
    }

    TooManyCombinations "too_many_combinations"
        Local Local Never Person Internal 500 {
        meaning "the batch processor's metadata_keys have more values than it may tell apart"
        evidence "a new combination of metadata values came after metadata_cardinality_limit of them"
        causes [
            "a key with a value for each request or user, such as a request id",
            "more tenants than the limit",
        ]
        remedies [
            "take a key with fewer values, or raise metadata_cardinality_limit",
            "remove metadata_keys where the backend does not need data kept apart",
        ]
        broken "
            processors:
              batch:
                metadata_keys: [x-request-id]"
        mended "
            processors:
              batch:
                metadata_keys: [x-tenant]
                metadata_cardinality_limit: 5000"
    }

    DiskFull "disk_full"
        Storage Storage BackOff Person Unavailable 503 {
        meaning "the disk is full"
        evidence "writing fails with ENOSPC, EDQUOT or EFBIG"
        causes [
            "the volume is small for what has to wait while a backend is down",
            "something else fills the same volume",
            "there are bytes left, but no inodes",
        ]
        remedies [
            "make room on the volume of the path that is named",
            "look at both df -h and df -i of that path",
            "give the relay a volume of its own, and bound the queue below its size",
        ]
        broken "df -h /var/lib/otlp-relay"
        mended "du -xh /var/lib | sort -h | tail"
    }

    StorageReadOnly "storage_read_only"
        Storage Storage BackOff Person Unavailable 503 {
        meaning "the file or directory cannot be written"
        evidence "opening or writing fails with EROFS, EACCES or ENOENT"
        causes [
            "the container's root file system is read-only, and no volume is mounted there",
            "the directory belongs to another user",
            "the directory does not exist",
        ]
        remedies [
            "check that the path exists, is mounted for writing, and belongs to the relay's user",
            "mount a volume at the directory in the container",
        ]
        broken "docker run --read-only otlp-relay"
        mended "docker run --read-only -v relay-data:/var/lib/otlp-relay otlp-relay"
    }

    DeadLetterFull "dead_letter_full"
        Storage Storage Never Person Unavailable 503 {
        meaning "the directory of dead letters has all the bytes that it may have"
        evidence "the files in dead_letter::directory add up to dead_letter::max_bytes"
        causes [
            "a backend refuses data for good, and nobody has sent it again",
            "the bound is small for what one outage sets aside",
        ]
        remedies [
            "send the dead letters again with otlp-relay replay, and delete their files",
            "raise dead_letter::max_bytes",
        ]
        broken "
            dead_letter:
              directory: /var/lib/otlp-relay/dead-letters
              max_bytes: 65536"
        mended "
            dead_letter:
              directory: /var/lib/otlp-relay/dead-letters
              max_bytes: 1073741824"
    }

    StorageLocked "storage_locked"
        Storage Storage Never Person Unavailable 503 {
        meaning "another process uses the storage directory"
        evidence "the lock of the directory is held by another process"
        causes [
            "a second relay or replica with the same directory or volume",
            "the relay before this one has not ended yet",
        ]
        remedies [
            "give each relay a directory of its own",
            "stop the other process first: fuser -v DIRECTORY/lock names it",
            "run replicas as a StatefulSet with a volume for each",
        ]
        broken "
            extensions:
              file_storage:
                directory: /shared/storage"
        mended "
            extensions:
              file_storage:
                directory: /shared/storage/${env:HOSTNAME:-relay}"
    }

    StorageDamaged "storage_damaged"
        Storage Storage Never Person Internal 500 {
        meaning "a record on disk is damaged"
        evidence "its checksum does not match, or its length is impossible"
        causes [
            "the machine lost power, or the disk has errors",
            "a file was changed or cut by hand",
            "the file belongs to something else",
        ]
        remedies [
            "look for disk errors (dmesg, smartctl); what is undamaged is sent as usual",
            "keep the file that was set aside, if its data matters",
        ]
        broken "truncate -s -100 /var/lib/otlp-relay/SEGMENT"
        mended "dmesg | grep -i 'i/o error'"
    }

    StorageFailed "storage_failed"
        Storage Storage BackOff Person Unavailable 503 {
        meaning "the disk reports an error"
        evidence "reading or writing fails with EIO, or with an error that has no class of its own"
        causes [
            "the disk or its controller is failing",
            "the volume is on a network, which is down",
        ]
        remedies [
            "look for disk errors (dmesg, smartctl)",
            "check the connection to the volume, if it is on a network",
        ]
        broken "dmesg | grep -i 'i/o error'"
        mended "smartctl -H /dev/sda"
    }

    ExpiredInQueue "expired_in_queue"
        Queue Queue Never Person Unavailable 503 {
        meaning "the data waited longer than sending_queue::max_age allows"
        evidence "what is on disk was taken in earlier than max_age ago"
        causes [
            "the backend has been away, or slow, for longer than that",
            "max_age is shorter than the outages that are to be outlived",
        ]
        remedies [
            "see why the exporter is failing",
            "raise sending_queue::max_age, or leave it out to keep the data until it is delivered",
        ]
        broken "
            exporters:
              otlp_grpc:
                sending_queue:
                  storage: file_storage
                  max_age: 5m
            extensions:
              file_storage:
            service:
              extensions: [file_storage]"
        mended "
            exporters:
              otlp_grpc:
                sending_queue:
                  storage: file_storage
                  max_age: 72h
            extensions:
              file_storage:
            service:
              extensions: [file_storage]"
    }

    BindAddressInUse "bind_address_in_use"
        Listen Listen Never Person Unavailable 503 {
        meaning "the address is in use"
        evidence "bind fails with EADDRINUSE"
        causes [
            "a Collector, an agent or a second relay on this machine has the port",
            "the relay before this one has not ended yet",
            "two receivers of one configuration have one endpoint",
        ]
        remedies [
            "stop the other process (ss -ltnp names it), or listen on another port",
            "give the other receiver or extension another endpoint",
        ]
        broken "
            receivers:
              otlp:
                protocols:
                  grpc:
                    endpoint: 0.0.0.0:4317"
        mended "
            receivers:
              otlp:
                protocols:
                  grpc:
                    endpoint: 0.0.0.0:14317"
    }

    BindPermissionDenied "bind_permission_denied"
        Listen Listen Never Person Unavailable 503 {
        meaning "this process may not listen on the port"
        evidence "bind fails with EACCES"
        causes [
            "a port below 1024, and the relay does not run as root",
            "SELinux does not know the port as one of this service",
        ]
        remedies [
            "use a port above 1023, such as 4317",
            "give the capability CAP_NET_BIND_SERVICE",
            "lower net.ipv4.ip_unprivileged_port_start",
        ]
        broken "
            receivers:
              otlp:
                protocols:
                  http:
                    endpoint: 0.0.0.0:80"
        mended "
            receivers:
              otlp:
                protocols:
                  http:
                    endpoint: 0.0.0.0:4318"
    }

    BindAddressUnavailable "bind_address_unavailable"
        Listen Listen Never Person Unavailable 503 {
        meaning "the address to listen on is not one of this machine"
        evidence "bind fails with EADDRNOTAVAIL"
        causes [
            "the address is that of a load balancer, of the host outside the container, or of the backend",
            "the interface or virtual address is not up yet",
            "IPv6 is switched off",
        ]
        remedies [
            "listen on 0.0.0.0, or on one of the addresses that ip addr shows",
            "start the relay after the network is up",
        ]
        broken "
            receivers:
              otlp:
                protocols:
                  grpc:
                    endpoint: 203.0.113.7:4317"
        mended "
            receivers:
              otlp:
                protocols:
                  grpc:
                    endpoint: 0.0.0.0:4317"
    }

    BindInvalidAddress "bind_invalid_address"
        Listen Listen Never Person Unavailable 503 {
        meaning "the address to listen on cannot be understood or resolved"
        evidence "the host of the endpoint is neither an address nor a name with one"
        causes [
            "a name that only other machines know",
            "a URL where host:port is meant",
        ]
        remedies [
            "write host:port with an address of this machine: 0.0.0.0:4317",
            "see what the name means here: getent hosts NAME",
        ]
        broken "
            receivers:
              otlp:
                protocols:
                  grpc:
                    endpoint: relay.invalid:4317"
        mended "
            receivers:
              otlp:
                protocols:
                  grpc:
                    endpoint: 0.0.0.0:4317"
    }

    BindFailed "bind_failed"
        Listen Listen Never Person Unavailable 503 {
        meaning "the address cannot be listened on"
        evidence "bind or listen fails in a way that has no class of its own"
        causes ["the system's own words, which the line carries, say it"]
        remedies ["look at what the system says of it, and try another address or port"]
        broken "
            receivers:
              otlp:
                protocols:
                  grpc:
                    endpoint: '[fe80::1]:4317'"
        mended "
            receivers:
              otlp:
                protocols:
                  grpc:
                    endpoint: '[::]:4317'"
    }

    BindLoopbackOnly "bind_loopback_only"
        Listen Listen Never Person Unavailable 503 {
        meaning "a receiver in a container listens on localhost, which no other container reaches"
        evidence "the endpoint is a loopback address, and this process runs in a container"
        causes [
            "the endpoint was copied from a configuration for a machine without containers",
            "localhost is the Collector's default since 0.104",
        ]
        remedies [
            "set the receiver's endpoint to 0.0.0.0:4317, and 0.0.0.0:4318 for HTTP",
            "leave it where all senders share the network of this container or pod",
        ]
        broken "
            receivers:
              otlp:
                protocols:
                  grpc:
                    endpoint: localhost:4317"
        mended "
            receivers:
              otlp:
                protocols:
                  grpc:
                    endpoint: 0.0.0.0:4317"
    }
}
