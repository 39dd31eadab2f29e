// A load of /sync clients on any Matrix homeserver: see Options.

import Glibc
import Reactor

func complain(_ text: String) {
    // Not through stdio's variables, which Swift cannot know to be safe.
    let bytes = Array((text + "\n").utf8)
    write(STDERR_FILENO, bytes, bytes.count)
}

let options: Options
do {
    options = try Options(Array(CommandLine.arguments.dropFirst()))
} catch {
    complain("\(error)")
    exit(2)
}
var limit = rlimit()
getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
limit.rlim_cur = limit.rlim_max
setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
let loop = try EventLoop(backend: options.backend)
loop.submit { loop in
    do {
        let scenarios = try Scenarios(options)
        let results = try await scenarios.run(on: loop)
        let failures = scenarios.crowd.recorder.failures
        for (reason, count) in failures.sorted(by: { $0.key < $1.key }) {
            complain("\(count) × \(reason)")
        }
        print("[\(results.map(\.json).joined(separator: ","))]")
        fflush(nil)
        exit(failures.isEmpty ? 0 : 1)
    } catch {
        complain("SyncLoad: \(error)")
        exit(1)
    }
}
loop.run()
