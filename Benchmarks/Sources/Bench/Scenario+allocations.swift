import Foundation

extension Scenario {
    /// Calls of malloc and its like for each message or request, once every buffer has been used before.
    static var allocations: [Scenario] {
        [allocations("echo", echoServers), allocations("http", httpServers)]
    }

    private struct Count: Decodable {
        let operations: Double
        let allocations: Double
    }

    private static func allocations(_ role: String, _ subjects: [Subject]) -> Scenario {
        Scenario(
            name: "allocations-\(role)", title: "Allocations on the steady path, \(role)",
            subjects: subjects, columns: ["allocations"]
        ) { lab, subject in
            let file = try lab.file("allocations", "")
            let environment = [
                "LD_PRELOAD=\(lab.peer("libAllocations.so"))", "ALLOCATIONS_FILE=\(file)",
            ]
            return try lab.serving(subject, environment: environment) { server in
                let output = try lab.load([
                    lab.peer("SteadyLoad"), "\(server.port)", role, file,
                ])
                let count = try JSONDecoder().decode(Count.self, from: output)
                return [
                    Measurement("allocations", count.allocations / count.operations, "1/op")
                ]
            }
        }
    }
}
