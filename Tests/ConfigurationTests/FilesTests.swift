import Configuration
import Glibc
import TestSupport
import Testing

@Suite struct FilesTests {
    @Test func folderMeansItsYAMLFilesInOrder() throws {
        let folder = Folder()
        folder.write("conf/10-main.yaml", mainSample)
        folder.write("conf/20-more.yaml", "soft_file_limit: 1\n")
        folder.write("conf/30-last.yaml", "soft_file_limit: 2\n")
        folder.write("conf/notes.txt", "nothing")
        let configuration = try BeamlineConfiguration.load(
            paths: ["conf"], options: LoadOptions(workingDirectory: folder.path))
        #expect(configuration.softFileLimit == 2)
        #expect(
            configuration.files
                == ["10-main", "20-more", "30-last"].map { "\(folder.path)/conf/\($0).yaml" })
        #expect(
            configuration.diagnostics.map(\.description)
                == ["\(folder.path)/conf/notes.txt: is not a .yaml file and not read"])
    }

    @Test func missingAndEmptyPlacesAreNamed() throws {
        let folder = Folder()
        folder.write("empty/x.txt", "")
        let error = #expect(throws: ConfigurationError.self) {
            try BeamlineConfiguration.load(
                paths: ["\(folder.path)/none.yaml", "\(folder.path)/empty"])
        }
        #expect(
            error?.errors.map(\.description) == [
                "\(folder.path)/empty: has no configuration, expected files that end in .yaml",
                "\(folder.path)/none.yaml: cannot be read: No such file or directory",
            ])
    }

    @Test func logConfigurationMustBeReadable() throws {
        let folder = Folder()
        folder.write("main.yaml", mainSample + "log_config: log.yaml\n")
        let options = LoadOptions(workingDirectory: folder.path)
        let error = #expect(throws: ConfigurationError.self) {
            try BeamlineConfiguration.load(paths: ["main.yaml"], options: options)
        }
        #expect(
            error?.description
                == "\(folder.path)/main.yaml:28: log_config: cannot be read: \(folder.path)/log.yaml: "
                + "No such file or directory, expected a readable file")
        folder.write("log.yaml", "version: 1\n")
        let configuration = try BeamlineConfiguration.load(paths: ["main.yaml"], options: options)
        #expect(configuration.logging == .configuration(path: "\(folder.path)/log.yaml"))
    }
}

@Suite struct HostileConfigurationTests {
    @Test func everyPrefixOfTheFilesLoadsOrFailsWithAPlace() {
        for end in 0...mainSample.utf8.count {
            check(String(mainSample.prefix(end)), workerSample)
        }
        for end in 0...workerSample.utf8.count {
            check(mainSample, String(workerSample.prefix(end)))
        }
    }

    @Test func shuffledValuesLoadOrFailWithAPlace() {
        var state: UInt64 = 7
        func draw(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % count
        }
        let values = [
            "[]", "{}", "~", "-1", "1e400", "99999999999999999999", "yes", "''", "[[x]]",
            "{a: b}", "\"\\0\"", "1:30", ".nan", "10M", "- x",
        ]
        let lines = (mainSample + workerSample).split(
            separator: "\n", omittingEmptySubsequences: false)
        for _ in 0..<1500 {
            var changed = lines
            for _ in 0...draw(3) {
                let place = draw(changed.count)
                guard let colon = changed[place].firstIndex(of: ":") else { continue }
                changed[place] = changed[place][...colon] + " " + values[draw(values.count)]
            }
            check(changed.joined(separator: "\n"), nil)
        }
    }

    private func check(_ main: String, _ worker: String?) {
        for mistake in mistakes(main, worker) {
            #expect(
                mistake.hasPrefix("main.yaml:") || mistake.hasPrefix("worker.yaml:"), "\(mistake)")
        }
    }
}
