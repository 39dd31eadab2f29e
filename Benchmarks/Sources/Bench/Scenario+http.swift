import Foundation

extension Scenario {
    static var http: [Scenario] {
        [
            http("http-keepalive", "HTTP keep-alive, 64 connections", pipelined: 1),
            http("http-pipelined", "HTTP pipelined by 16, 64 connections", pipelined: 16),
        ]
    }

    private static var httpSubjects: [Subject] {
        Subject.ours("http") + [
            .peer("C, epoll", "HTTPEpoll"), .peer("C, io_uring", "HTTPUring"), .nginx,
            .peer("SwiftNIO", "NIOPeer", "http"), .peer("Hummingbird", "HummingbirdPeer"),
        ]
    }

    private static func http(_ name: String, _ title: String, pipelined: Int) -> Scenario {
        Scenario(
            name: name, title: title, subjects: httpSubjects,
            columns: ["cpu", "user", "rate", "per core", "server busy", "load busy"]
        ) { lab, subject in
            try lab.serving(subject) { server in
                _ = try wrk(lab, server, pipelined, seconds: max(1, lab.warmUp))
                let work = try wrk(lab, server, pipelined, seconds: lab.options.seconds)
                // What the server could do if the load left it no rest.
                let perCore = Measurement("per core", work.operations / work.cpu * 1e9, "op/s")
                return work.measurements + [perCore]
            }
        }
    }

    /// wrk knows whole seconds only.
    private static func wrk(
        _ lab: Lab, _ server: RunningServer, _ pipelined: Int, seconds: Double
    ) throws -> Work {
        let script = try lab.file("pipelined-\(pipelined).lua", pipelining(pipelined))
        let (before, began, load) = (try CPUTime(of: server.pid), now(), childrenCPU())
        let output = try lab.load([
            "wrk", "-t1", "-c64", "-d\(Int(seconds.rounded(.up)))s", "-s", script,
            "http://127.0.0.1:\(server.port)/",
        ])
        let (after, ended, loadAfter) = (try CPUTime(of: server.pid), now(), childrenCPU())
        let text = String(decoding: output, as: UTF8.self)
        guard let requests = number(before: " requests in ", in: text),
            !text.contains("Non-2xx"), !text.contains("Socket errors")
        else { throw Problem("wrk says:\n\(text)") }
        return Work(
            operations: requests, nanoseconds: ended - began,
            cpu: after.nanoseconds - before.nanoseconds, user: after.user - before.user,
            system: after.system - before.system, load: loadAfter - load)
    }

    private static func pipelining(_ depth: Int) -> String {
        """
        local batch
        init = function(arguments)
          local requests = {}
          for index = 1, \(depth) do requests[index] = wrk.format("GET", "/") end
          batch = table.concat(requests)
        end
        request = function() return batch end

        """
    }

    private static func number(before mark: String, in text: String) -> Double? {
        guard let end = text.range(of: mark)?.lowerBound else { return nil }
        let digits = text[..<end].reversed().prefix { $0.isNumber }.reversed()
        return Double(String(digits))
    }
}

/// The monotonic clock in nanoseconds.
func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
}

/// CPU time of the children that have ended, in nanoseconds.
private func childrenCPU() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_CHILDREN.rawValue), &usage)
    let seconds = Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
    return seconds * 1e9 + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e3
}

/// CPU time of a running process and of the processes that it has started.
struct CPUTime {
    private(set) var nanoseconds = 0.0
    /// In the kernel's ticks, by which it estimates how the time divides.
    private(set) var user = 0.0
    private(set) var system = 0.0

    init(of pid: Int32) throws {
        try add(pid)
        let children = try String(
            contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)
        for child in children.split(separator: " ").compactMap({ Int32($0) }) { try add(child) }
    }

    private mutating func add(_ pid: Int32) throws {
        var clock = clockid_t()
        var time = timespec()
        guard clock_getcpuclockid(pid, &clock) == 0, clock_gettime(clock, &time) == 0 else {
            throw Problem("process \(pid) has no CPU time")
        }
        nanoseconds += Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
        let text = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
        // The name may hold anything; the fields behind its last parenthesis begin with the third.
        let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
        guard fields.count > 13 else { throw Problem("process \(pid) tells no CPU time") }
        user += Double(fields[12]) ?? 0
        system += Double(fields[13]) ?? 0
    }
}
