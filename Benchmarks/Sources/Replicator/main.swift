// Both ends of replication under measurement, through the product's public libraries:
//
//     Replicator BACKEND main PORT BATCH WINDOW        publishes as fast as FEDERATION_ACKs come in
//     Replicator BACKEND paced PORT RATE [named]       publishes so many rows a second, whoever reads them
//     Replicator BACKEND store PORT ROWS               has so many rows that a worker may have missed
//     Replicator BACKEND receive PORT WORKERS BATCH WARM-UP-SECONDS SECONDS
//     Replicator BACKEND latency PORT WARM-UP-SECONDS SECONDS
//     Replicator BACKEND catchup PORT ROWS SERVER-PID
//     Replicator BACKEND parse ROWS [named]
//
// The last four print one line of JSON.

import Glibc
import Reactor
import ReplicationWire

let arguments = CommandLine.arguments
let numbers = arguments.dropFirst(3).compactMap { Double($0) }
let dialect: Dialect = arguments.last == "named" ? .named : .classic
guard arguments.count > 3, let backend = EventLoop.Backend(rawValue: arguments[1]) else {
    print("usage: see the beginning of Sources/Replicator/main.swift")
    exit(2)
}
let loop = try EventLoop(backend: backend)

/// Runs a role on the loop until it ends, or for ever.
func onLoop(_ body: @escaping @Sendable (isolated EventLoop) async throws -> Void) {
    loop.submit { loop in
        do { try await body(loop) } catch {
            print(error)
            exit(1)
        }
    }
    loop.run()
}

switch (arguments[2], numbers.count) {
case ("main", 3):
    onLoop { loop in
        let publisher = Publisher(batch: Int(numbers[1]), window: Int64(numbers[2]))
        try publisher.listen(port: UInt16(numbers[0]), on: loop)
        await publisher.publishAsAcknowledged(on: loop)
    }
case ("paced", 2):
    onLoop { loop in
        let publisher = Publisher(batch: 1, window: 0, dialect: dialect)
        try publisher.listen(port: UInt16(numbers[0]), on: loop)
        await publisher.publish(perSecond: numbers[1], on: loop)
    }
case ("store", 2):
    onLoop { loop in
        let publisher = Publisher(batch: 1, window: 0)
        publisher.offer(rows: Int64(numbers[1]))
        try publisher.listen(port: UInt16(numbers[0]), on: loop)
        await publisher.publish(perSecond: 0, on: loop)
    }
case ("receive", 5):
    onLoop { loop in
        let receivers = Receivers(
            port: UInt16(numbers[0]), count: Int(numbers[1]), batch: Int64(numbers[2]), on: loop)
        await receivers.measure(warmUp: numbers[3], seconds: numbers[4], on: loop)
    }
case ("latency", 3):
    onLoop { loop in
        let receiver = LatencyReceiver(port: UInt16(numbers[0]), on: loop)
        await receiver.measure(warmUp: numbers[1], seconds: numbers[2], on: loop)
    }
case ("catchup", 3):
    onLoop { loop in
        let receiver = CatchUpReceiver(port: UInt16(numbers[0]), rows: Int64(numbers[1]), on: loop)
        await receiver.measure(serverPID: Int32(numbers[2]), on: loop)
    }
case ("parse", 1): measureParsing(rows: Int(numbers[0]), dialect: dialect)
default:
    print("Replicator does not know \(arguments[2]) with so many numbers")
    exit(2)
}
