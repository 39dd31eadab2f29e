import Foundation
import HTTPWire
import Testing

@testable import API

/// Holds the documentation's table of endpoints against the routes.
@Suite struct EndpointTableTests {
    private struct Row: Hashable {
        let method: String
        let path: String
    }

    private static func rows() throws -> [(row: Row, state: String)] {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Sources/API/API.docc/ClientServerAPI.md")
        let text = try String(contentsOf: file, encoding: .utf8)
        return text.split(separator: "\n").compactMap { line in
            let cells = line.split(separator: "|").map {
                $0.trimmingCharacters(in: CharacterSet(charactersIn: " `"))
            }
            guard cells.count >= 3, cells[1].hasPrefix("/") else { return nil }
            return (Row(method: cells[0], path: cells[1]), cells[2])
        }
    }

    private static var routes: Set<Row> {
        var routes: Set = [Row(method: "POST", path: SlidingSyncRoutes.path)]
        routes.formUnion(
            ClientRoutes.endpoints.map { endpoint in
                Row(
                    method: endpoint.method.name,
                    path: endpoint.era.documentedPrefix + endpoint.path)
            })
        routes.insert(Row(method: "GET", path: "/_matrix/client/v3/sync"))
        for endpoint in LegacySyncRoutes.endpoints {
            routes.insert(Row(method: "GET", path: "/_matrix/client/v3" + endpoint.path))
        }
        return routes
    }

    @Test func theTableSaysWhatIsServed() throws {
        let rows = try Self.rows()
        #expect(rows.count > 150)
        #expect(Set(rows.map(\.row)).count == rows.count, "an endpoint stands there twice")
        let known: Set<String> = ["served", "refused", "not yet"]
        for (row, state) in rows { #expect(known.contains(state), "\(row): \(state)") }
        let told = Set(rows.filter { $0.state != "not yet" }.map(\.row))
        #expect(Self.routes.subtracting(told).isEmpty, "served, but not in the table")
        #expect(told.subtracting(Self.routes).isEmpty, "in the table, but not served")
    }

    @Test func whatGuestsMayDoIsServed() {
        let names = Set(ClientRoutes.endpoints.map { "\($0.method.name) \($0.path)" })
        #expect(GuestAccess.allowed.subtracting(names) == [])
    }
}
