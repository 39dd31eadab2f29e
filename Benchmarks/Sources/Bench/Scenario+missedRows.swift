import Foundation

extension Scenario {
    /// What a worker missed, out of a real PostgreSQL: our main process reads it in pages.
    static var catchUpFromDatabase: Scenario {
        struct CaughtUp: Decodable {
            let operations: Double
            let nanoseconds: Double
            let cpu: Double
            let server: Double
        }
        final class Shared {
            private var made: Result<MissedRows, any Error>?

            /// One that cannot be made is not tried again.
            func rows(_ lab: Lab, _ count: Int) throws -> MissedRows {
                let result = made ?? Result { try MissedRows(lab, rows: count) }
                made = result
                return try result.get()
            }
        }
        let shared = Shared()
        return Scenario(
            name: "catchup-database", title: "A million missed rows, from PostgreSQL",
            subjects: ["epoll", "io_uring"].map { backend in
                Subject("ours, \(backend)") { _, _ in [] }
            }, columns: ["rate", "main", "worker", "database"]
        ) { lab, subject in
            let rows = lab.options.seconds < 2 ? 200_000 : 1_000_000
            let backend = String(subject.name.dropFirst("ours, ".count))
            let missed = try shared.rows(lab, rows)
            return try missed.serving(backend: backend) { server, port in
                let before = try missed.databaseCPU()
                let output = try lab.load([
                    lab.ours("Replicator"), backend, "catchup", "\(port)", "\(rows)",
                    "\(server.pid)",
                ])
                let database = try missed.databaseCPU() - before
                let done = try JSONDecoder().decode(CaughtUp.self, from: output)
                return [
                    Measurement("rate", done.operations / done.nanoseconds * 1e9, "rows/s"),
                    Measurement("main", done.server / done.operations / 1000, "µs per row"),
                    Measurement("worker", done.cpu / done.operations / 1000, "µs per row"),
                    Measurement("database", database / done.operations / 1000, "µs per row"),
                ]
            }
        }
    }
}
