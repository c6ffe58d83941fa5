"""Prints what gRPC server reflection says: each method with its request, and the fields of a message behind one."""

import sys

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase


def main():
    with grpc.insecure_channel(sys.argv[1]) as channel:
        reflection = ProtoReflectionDescriptorDatabase(channel)
        pool = DescriptorPool(reflection)
        for service in sorted(reflection.get_services()):
            for method in pool.FindServiceByName(service).methods:
                print(service, method.name, method.input_type.full_name)
        span = pool.FindMessageTypeByName("opentelemetry.proto.trace.v1.Span")
        for field in span.fields:
            print(span.full_name, field.name, field.number)


if __name__ == "__main__":
    main()
