PRAGMA application_id = 1296974932;
PRAGMA user_version = 5;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE events (
    gseq INTEGER PRIMARY KEY,
    stream TEXT NOT NULL,
    seq INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    prev_hash BLOB NOT NULL,
    hash BLOB NOT NULL,
    UNIQUE (stream, seq)
) STRICT;
INSERT INTO events VALUES(1,'system',1,1796058337981,'signing_key_created','{"public_key":"101a02fd1b5a69120f1d9115625edeb9f86dec11e7751a2a12e77e51a06e3d59","before":null}',X'0000000000000000000000000000000000000000000000000000000000000000',X'23b942726a2428c2d3aabcbb0172a4682dff0ba19d9e24c25c8d07ab7195a112');
INSERT INTO events VALUES(2,'system',2,1796058337981,'policy_activated','{"version":"0a5afa0270d15d7cfb187f0f0264cf9d2c6d894d459905b9bd8d945d0e8d39cf","before":null,"policy":{"sets":[[{"name":"starter.cedar","text":"// Mandate''s starter policy: what holds where nobody wrote another one.\n// The strictest rule that matches wins; what no rule matches is denied.\n\n@id(\"starter/reads\")\n@severity(\"info\")\n@message(\"`{tool}` only reads what this machine''s user controls\")\npermit (principal, action == Action::\"Call\", resource)\nwhen { resource.effect == \"read\" && !resource.open_world };\n\n@id(\"starter/effects\")\n@decision(\"require_approval\")\n@message(\"`{tool}` has the effect `{effect}`\")\npermit (principal, action == Action::\"Call\", resource)\nwhen { resource.effect != \"read\" };\n\n@id(\"starter/open-reads\")\n@decision(\"require_approval\")\n@message(\"`{tool}` reads from places that other parties control\")\npermit (principal, action == Action::\"Call\", resource)\nwhen { resource.effect == \"read\" && resource.open_world };\n\n@id(\"starter/sensitive-paths\")\n@severity(\"high\")\n@decision(\"require_approval\")\n@message(\"`{tool}` touches something whose name says that it is sensitive\")\npermit (principal, action == Action::\"Call\", resource)\nwhen { context.tags.contains(\"sensitive_path\") };\n\n@id(\"starter/system-secrets\")\n@severity(\"critical\")\n@message(\"passwords and keys of this machine are not for plans\")\nforbid (principal, action == Action::\"Call\", resource)\nwhen { context.tags.contains(\"system_secret\") };\n\n@id(\"starter/delete-sensitive\")\n@severity(\"critical\")\n@message(\"`{tool}` would delete something whose name says that it is sensitive\")\nforbid (principal, action == Action::\"Call\", resource)\nwhen { resource.effect == \"delete\" && context.tags.contains(\"sensitive_path\") };\n\n@id(\"starter/untrusted-sinks\")\n@severity(\"high\")\n@decision(\"require_approval\")\n@message(\"a value that another party may have chosen decides what `{tool}` does\")\npermit (principal, action == Action::\"Call\", resource)\nwhen { !context.untrusted_sinks.isEmpty() };\n\n@id(\"starter/untrusted-control\")\n@severity(\"medium\")\n@decision(\"require_approval\")\n@message(\"a value that another party may have chosen decides whether `{tool}` is called\")\npermit (principal, action == Action::\"Call\", resource)\nwhen { context.untrusted_control };\n\n@id(\"starter/read-then-send\")\n@severity(\"high\")\n@decision(\"require_approval\")\n@message(\"something was read just before, and `{tool}` can send it away\")\npermit (principal, action == Action::\"Call\", resource)\nwhen { context.sequences.contains(\"read_then_send\") };\n"},{"name":"policy.toml","text":"# What the starter set''s rules name.\n\n# Who may log in, and the keys with which they do. `sensitive_path` is wider, and needs no definition.\n[tags.system_secret]\napplies_to = [\"file\"]\nsensitive = true\npattern = ''(?i)^/etc/(g?shadow|g?passwd|master\\.passwd|sudoers)(-|\\.d|/|$)|^/etc/ssh/.*key|(^|/)\\.ssh/(id_|.*key|authorized_keys)|(^|/)\\.(aws|kube|docker|gnupg)(/|$)|^/proc/[^/]+/(environ|mem)$''\n\n# Something is read here and then something goes out, within three calls.\n[sequences.read_then_send]\npattern = [\"file_read\", \"network_request\"]\nwindow = 3\n"}]],"limits":{"calls_per_session":100,"calls_per_minute":null}}}',X'23b942726a2428c2d3aabcbb0172a4682dff0ba19d9e24c25c8d07ab7195a112',X'22e5aca6ee2fc3da3d721803856de9a8afa29065204dcfb071ef7e8ca068effd');
INSERT INTO events VALUES(13,'system',3,1796058338768,'archived','{"archive":{"file":"/tmp/tmp.DdabDqQfOa/archived/archive.jsonl","sha256":"0abe519e9034b48d1f1b2efab22c8e40248dd65c6855d329d4a54f143726a26c","bytes":9972},"by":"local:0","rows":{"count":10,"digest":"d1f223b3bf5d6293c539ed0fb687e6141b06d4583757c6d666e3561bd2d87c1b"},"contents":{"count":1,"digest":"b9d7b3873884cf4af6feb10abbdac674b8b651121db29ab21c9cd2bda746ffe1"},"executions":[{"execution_id":"01a22d6b-52d7-7323-a46d-64771fcc4347","name":"Value","state":"completed","status":"success","created_at_ms":1796058338003,"finished_at_ms":1796058338046,"last_seq":5,"last_hash":"0eb1e45693783e897b2d38bbdad7ff32562897474d68f72a0be471d4a2ba3c14"},{"execution_id":"01a22d6b-54cc-71e0-a1c4-4dd981874be7","name":"Value","state":"completed","status":"success","created_at_ms":1796058338503,"finished_at_ms":1796058338521,"last_seq":5,"last_hash":"af7b0ec5573380cdfe73c4637ca1be53f47440adb66406d6da435b2a2449cdef"}]}',X'22e5aca6ee2fc3da3d721803856de9a8afa29065204dcfb071ef7e8ca068effd',X'a11cca808f44cd5b8f3641fe2a321013b53bdcfee3eb3e68c60e43621e60773a');
INSERT INTO events VALUES(14,'01a22d6b-5706-74db-82be-f229ae4eb0ba',1,1796058339071,'execution_created','{"execution_id":"01a22d6b-5706-74db-82be-f229ae4eb0ba","plan_id":"01a22d6b-5706-74db-82be-f22a48d85e98","revision":1,"plan_hash":"ed9d500657204af172bacd97aaee4c6a396f580e7b8f9bc1073d8fd5eccc5d2e","inputs":{},"secrets":{},"inputs_digest":"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","tools":{"fs.write":"ff85cbfb4f2e1471406bed04c54383ef9c4d033c7caa166b75a23342a39474d1"},"execution_digest":"72fcce125ba5b42105e9422f5a1c0795c456ddf6d031b652de6da084e7d8babf","principal":"local:0","session":"cli-01a22d6b-56f7-70fe-bf9f-3b27ed37e3ec","approval_expires_ms":1796144739071,"seed":8978105667956758,"behaviour":3,"policy_version":"0a5afa0270d15d7cfb187f0f0264cf9d2c6d894d459905b9bd8d945d0e8d39cf","decision":{"outcome":"require_approval","reasons":[{"rule":"starter/effects","outcome":"require_approval","message":"`fs.write` has the effect `write`","step":"write","severity":"high","inputs":{"resource.effect":"write"}}],"policy_version":"0a5afa0270d15d7cfb187f0f0264cf9d2c6d894d459905b9bd8d945d0e8d39cf","subject":"72fcce125ba5b42105e9422f5a1c0795c456ddf6d031b652de6da084e7d8babf","tools":{"fs.write":"ff85cbfb4f2e1471406bed04c54383ef9c4d033c7caa166b75a23342a39474d1"},"principal":"local:0","session_id":"cli-01a22d6b-56f7-70fe-bf9f-3b27ed37e3ec","at_ms":1796058339071,"inputs":{},"steps":[{"step":"write","purpose":"run","tool":"fs.write","effect":"write","idempotent":true,"open_world":false,"category":"file_write","resources":[{"kind":"file","value":"a.txt","operation":"write"}],"tags":[],"unknown_args":[],"risk":{"score":60,"level":"high","factors":["file_write: 60"],"mitigations":["requires_approval"]},"outcome":"require_approval"}],"risk":{"score":60,"level":"high","factors":["riskiest step `write`: 60"],"mitigations":["requires_approval"]},"approvers":["requester"],"calls":{"most":1,"limit":100,"counted":0,"reserved":0}}}',X'0000000000000000000000000000000000000000000000000000000000000000',X'a300a493d39fc4f65c6abdf5a4483fa2391acc9454850d7808c063abc9ca606e');
INSERT INTO events VALUES(15,'01a22d6b-5706-74db-82be-f229ae4eb0ba',2,1796058339071,'request_opened','{"request_id":"req-9873a1dac6a0e15c","kind":"plan","subject":"72fcce125ba5b42105e9422f5a1c0795c456ddf6d031b652de6da084e7d8babf","choices":["approve","reject"],"approvers":["requester"],"expires_ms":1796144739071}',X'a300a493d39fc4f65c6abdf5a4483fa2391acc9454850d7808c063abc9ca606e',X'bdbf3ea91bb4d2e7855db88131e261fc3b562f7f939fb4cf30f2c80db0b8dd97');
INSERT INTO events VALUES(16,'01a22d6b-5706-74db-82be-f229ae4eb0ba',3,1796058339110,'request_answered','{"request_id":"req-9873a1dac6a0e15c","choice":"approve","by":"local:0","channel":"flag","answer_digest":"21922992b2db3f14f7e32c9ed5f60d955a5c0ee0d6e82770896cac5c0186e842"}',X'bdbf3ea91bb4d2e7855db88131e261fc3b562f7f939fb4cf30f2c80db0b8dd97',X'0735e7b78f2357def6a5d2b9f273a2aff852eb4befe1eec4409a99065d206e72');
INSERT INTO events VALUES(17,'01a22d6b-5706-74db-82be-f229ae4eb0ba',4,1796058339113,'execution_started','{"approval":"req-9873a1dac6a0e15c by local:0 over flag","reserved":1}',X'0735e7b78f2357def6a5d2b9f273a2aff852eb4befe1eec4409a99065d206e72',X'59edf3a8a875dc3a9e283af60cc64b46be63c8b8173e3b2baa61e6b575359104');
INSERT INTO events VALUES(18,'01a22d6b-5706-74db-82be-f229ae4eb0ba',5,1796058339113,'step_started','{"step":"write","attempt":1,"tool":"fs.write","facts":{"effect":"write","idempotent":true,"open_world":false},"args":{"content":"one","path":"a.txt"},"args_digest":"59947842748657a1eab8136fd0d4cb360151f2b35cb489e0dab9c1b515f7bd8a","idempotency_key":"c7df6b733b8c29ca295d1bb61fcc610bbdbe959cc240108a32d4469d20741d4a","permit":"194ec86831e08a8e4b275e3a4c9b2c73eb482a2b61b75452bffc71d3bc49ffe4","granted_digest":"00d51c6f19151facf5cb7f2d38e372e36d56fbc28bf7b5d3f64da178b406badd"}',X'59edf3a8a875dc3a9e283af60cc64b46be63c8b8173e3b2baa61e6b575359104',X'3a6dc9ce7ec2da6354dfe91ea355d8ed26ec9a43b38be8bfdc12801fc002b4e1');
INSERT INTO events VALUES(19,'01a22d6b-5706-74db-82be-f229ae4eb0ba',6,1796058339135,'step_completed','{"step":"write","attempt":1,"output_digest":"3206d049318c9c3cff968fec5e4747aaf6e117d65e79494e2b8899fd74bbacc1","output":{"path":"a.txt","bytes":3,"created":true}}',X'3a6dc9ce7ec2da6354dfe91ea355d8ed26ec9a43b38be8bfdc12801fc002b4e1',X'ee36f56af096217fdc2232e9afeebe3cb96ec6738053e50cfb7e26bb501d36de');
INSERT INTO events VALUES(20,'01a22d6b-5706-74db-82be-f229ae4eb0ba',7,1796058339135,'execution_finished','{"status":"success","error":null,"outputs":{"write":{"path":"a.txt","bytes":3,"created":true}}}',X'ee36f56af096217fdc2232e9afeebe3cb96ec6738053e50cfb7e26bb501d36de',X'290f682035e213b5f8e9fad8c0361449bafc1bb180afd3d5508df94ca513f36c');
INSERT INTO events VALUES(21,'01a22d6b-585f-765d-b5c2-2ae74f85a374',1,1796058339419,'execution_created','{"execution_id":"01a22d6b-585f-765d-b5c2-2ae74f85a374","plan_id":"01a22d6b-585f-765d-b5c2-2ae81a04e64f","revision":1,"plan_hash":"5a8c77df587b38cb0130062d36915409c6cc98524a65d9cd7bf7a5b8c7cc60dd","inputs":{},"secrets":{},"inputs_digest":"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","tools":{"fs.write":"ff85cbfb4f2e1471406bed04c54383ef9c4d033c7caa166b75a23342a39474d1"},"execution_digest":"4c2c4a33de8e5208d8f23b2cb23464ffa730f9c83df699c79a63fde623b24a04","principal":"local:0","session":"cli-01a22d6b-5852-7511-99b4-c54780920495","approval_expires_ms":1796144739419,"seed":6968944795798276,"behaviour":3,"policy_version":"0a5afa0270d15d7cfb187f0f0264cf9d2c6d894d459905b9bd8d945d0e8d39cf","decision":{"outcome":"require_approval","reasons":[{"rule":"starter/effects","outcome":"require_approval","message":"`fs.write` has the effect `write`","step":"write","severity":"high","inputs":{"resource.effect":"write"}}],"policy_version":"0a5afa0270d15d7cfb187f0f0264cf9d2c6d894d459905b9bd8d945d0e8d39cf","subject":"4c2c4a33de8e5208d8f23b2cb23464ffa730f9c83df699c79a63fde623b24a04","tools":{"fs.write":"ff85cbfb4f2e1471406bed04c54383ef9c4d033c7caa166b75a23342a39474d1"},"principal":"local:0","session_id":"cli-01a22d6b-5852-7511-99b4-c54780920495","at_ms":1796058339419,"inputs":{},"steps":[{"step":"write","purpose":"run","tool":"fs.write","effect":"write","idempotent":true,"open_world":false,"category":"file_write","resources":[{"kind":"file","value":"a.txt","operation":"write"}],"tags":[],"unknown_args":[],"risk":{"score":60,"level":"high","factors":["file_write: 60"],"mitigations":["requires_approval"]},"outcome":"require_approval"}],"risk":{"score":60,"level":"high","factors":["riskiest step `write`: 60"],"mitigations":["requires_approval"]},"approvers":["requester"],"calls":{"most":1,"limit":100,"counted":0,"reserved":0}},"approved_before":{"plan_hash":"ed9d500657204af172bacd97aaee4c6a396f580e7b8f9bc1073d8fd5eccc5d2e","execution_id":"01a22d6b-5706-74db-82be-f229ae4eb0ba","request_id":"req-9873a1dac6a0e15c","by":"local:0","at_ms":1796058339110}}',X'0000000000000000000000000000000000000000000000000000000000000000',X'17626cd483543c1f04e49c288088d404bd34f131cdb31fd2e3a4c3e95d693ec4');
INSERT INTO events VALUES(22,'01a22d6b-585f-765d-b5c2-2ae74f85a374',2,1796058339419,'request_opened','{"request_id":"req-9b31a4b8eb70c2ef","kind":"plan","subject":"4c2c4a33de8e5208d8f23b2cb23464ffa730f9c83df699c79a63fde623b24a04","choices":["approve","reject"],"approvers":["requester"],"expires_ms":1796144739419}',X'17626cd483543c1f04e49c288088d404bd34f131cdb31fd2e3a4c3e95d693ec4',X'a027e4f9e56fe40c0d79620134fe3ad0e3fb9befd3deacf290c86889729e594e');
INSERT INTO events VALUES(23,'01a22d6b-585f-765d-b5c2-2ae74f85a374',3,1796058339446,'request_answered','{"request_id":"req-9b31a4b8eb70c2ef","choice":"approve","by":"local:0","channel":"flag","answer_digest":"d7440d6e79c10927bc58a21eb7932a00b835faf0008b24562e2fd766a927f0a6"}',X'a027e4f9e56fe40c0d79620134fe3ad0e3fb9befd3deacf290c86889729e594e',X'9b42ee71736f1290ca072fab84d76c7ce187ef31f456b8b8d1e2bdf177452c42');
INSERT INTO events VALUES(24,'01a22d6b-585f-765d-b5c2-2ae74f85a374',4,1796058339447,'execution_started','{"approval":"req-9b31a4b8eb70c2ef by local:0 over flag","reserved":1}',X'9b42ee71736f1290ca072fab84d76c7ce187ef31f456b8b8d1e2bdf177452c42',X'787a10c26d105ca3dae8ca8b7317dbfc931a7e134fd23ab7bc7a78845fafbef8');
INSERT INTO events VALUES(25,'01a22d6b-585f-765d-b5c2-2ae74f85a374',5,1796058339447,'step_started','{"step":"write","attempt":1,"tool":"fs.write","facts":{"effect":"write","idempotent":true,"open_world":false},"args":{"content":"two","path":"a.txt"},"args_digest":"1127aa3e09f1e7a2c7a7f9989b3c524a942c8e9b0b9d8bb74f8d94cccfc05738","idempotency_key":"71bfb182735bd9db4552ee65cf8d9f659fb047230a7191fea882d60c7b664485","permit":"959fffe82ff8c9c9d4f7018a53a73c10a5bbfcd9d0bd853778b2fd91ca08e530","granted_digest":"4acbc1926ffd22faf284f57fecf9a4e2cfb63e94bf8d4db9de62ca13cafac0e5"}',X'787a10c26d105ca3dae8ca8b7317dbfc931a7e134fd23ab7bc7a78845fafbef8',X'0036ffd4578a733abe3d4dae6c860367df19cfca7d2c9b7e929642dafaeba5ee');
INSERT INTO events VALUES(26,'01a22d6b-585f-765d-b5c2-2ae74f85a374',6,1796058339463,'step_completed','{"step":"write","attempt":1,"output_digest":"09763582396cc8199a9f762743dfae438760f89f05a04886aec99f4496dae0d0","output":{"path":"a.txt","bytes":3,"created":false}}',X'0036ffd4578a733abe3d4dae6c860367df19cfca7d2c9b7e929642dafaeba5ee',X'dbe82141b3875096ba1d43ea95b957688320e554a8f95447f1f1977a2fc93354');
INSERT INTO events VALUES(27,'01a22d6b-585f-765d-b5c2-2ae74f85a374',7,1796058339463,'execution_finished','{"status":"success","error":null,"outputs":{"write":{"path":"a.txt","bytes":3,"created":false}}}',X'dbe82141b3875096ba1d43ea95b957688320e554a8f95447f1f1977a2fc93354',X'cba868ab3f08bc348a6e742982ba32138b396b66ca490c426aa9279505810787');
CREATE TABLE commits (
    number INTEGER PRIMARY KEY,
    first_gseq INTEGER NOT NULL,
    last_gseq INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    prev_hash BLOB NOT NULL,
    hash BLOB NOT NULL,
    hmac BLOB NOT NULL
) STRICT;
INSERT INTO commits VALUES(1,1,2,1796058337981,X'0000000000000000000000000000000000000000000000000000000000000000',X'f273c7f9ecad302e22ff9d64d9a8162cfbabe340f634f3cf6b5698aeaed8fe74',X'5cfef57f130c3ef3072220ef4cc008d4d5ab3c964a4457cb3f9c68d35bb0be84');
INSERT INTO commits VALUES(2,3,5,1796058338032,X'f273c7f9ecad302e22ff9d64d9a8162cfbabe340f634f3cf6b5698aeaed8fe74',X'485055e250fabedb1ab6ae6f5f5a2838bb253d80b7b6cd4ffbc3a21ddeab3e06',X'c37ea6eb92b6a164222e6a6511a87049fc4dda22b33bab8af84a378e0d59d7b9');
INSERT INTO commits VALUES(3,6,7,1796058338046,X'485055e250fabedb1ab6ae6f5f5a2838bb253d80b7b6cd4ffbc3a21ddeab3e06',X'c294b51c9c2408b2277f2bf1750e409882e730d1d65430bc482a264a3c2c859a',X'62024d59aa226fbaf6783ce47a0e6f620b73610a7c94377da57325524bbff69c');
INSERT INTO commits VALUES(4,8,10,1796058338513,X'c294b51c9c2408b2277f2bf1750e409882e730d1d65430bc482a264a3c2c859a',X'dd7dcf7c869c9d32a41518df3c7506a86950b058281ff6551332808b5c0c8fc8',X'2f4e65bff48342d0dfcc5b694a475aff35768970bd4fcfb3b3f41bb896d856c1');
INSERT INTO commits VALUES(5,11,12,1796058338521,X'dd7dcf7c869c9d32a41518df3c7506a86950b058281ff6551332808b5c0c8fc8',X'1de9a3567728b16887321470cdf86c928362c1fbde8978104b7304d1a9b00e7b',X'6646614cac25dd3bf9b347db36a75688d589ebf845f0c939772de7fa4e123a4f');
INSERT INTO commits VALUES(6,13,13,1796058338768,X'1de9a3567728b16887321470cdf86c928362c1fbde8978104b7304d1a9b00e7b',X'91fc9ebeb0b6ce979b2170cfd64c91acd9e31279108a7437899dc47b667625ca',X'ff1c71b1b60c693ba0aad920869fed51f60058d30da237140bd6b06fbcb64d8c');
INSERT INTO commits VALUES(7,14,15,1796058339071,X'91fc9ebeb0b6ce979b2170cfd64c91acd9e31279108a7437899dc47b667625ca',X'ef378eee6f60a9b1394e88732f2d8fcd00ed821cf948507420a90bcae6c02091',X'a01a585fcbda0f98c96b48a780f965f2ae5d09ab92376383c0640269d316b7bd');
INSERT INTO commits VALUES(8,16,18,1796058339113,X'ef378eee6f60a9b1394e88732f2d8fcd00ed821cf948507420a90bcae6c02091',X'3642ec8e840718aacb6d6ab1239b4a7ee7592702c88db5e7c1f12616234deed5',X'446e7eaa59a77e4ce403d3592e1262266356b2f71831da46853fcbef3e210570');
INSERT INTO commits VALUES(9,19,20,1796058339135,X'3642ec8e840718aacb6d6ab1239b4a7ee7592702c88db5e7c1f12616234deed5',X'17bbe34c6dc8d5f1be01baf65dc2e916625e022ca031b3cdc5ec62665cbb3bf7',X'3fe5d40f4f0b0f96bf2512dc1846278a6ec216aa7495c9a7a8db0d3f6e569955');
INSERT INTO commits VALUES(10,21,22,1796058339419,X'17bbe34c6dc8d5f1be01baf65dc2e916625e022ca031b3cdc5ec62665cbb3bf7',X'a596f616adef51999e5f27937567fcc4684cab61074a99ee6e69cd84f8898d5f',X'2a298feb9f90ed0da4c84c5a43324a0e7311cd6a6970f799962eda5bef0c7c7d');
INSERT INTO commits VALUES(11,23,25,1796058339447,X'a596f616adef51999e5f27937567fcc4684cab61074a99ee6e69cd84f8898d5f',X'a2d81f01656017393fc7e40d8839811ccf233d6cac71a8acb32dc974f20b3f9a',X'b5ef6637b91ee2abb3cd35d932d9df9d11363623a08767b44257afd2531dee27');
INSERT INTO commits VALUES(12,26,27,1796058339463,X'a2d81f01656017393fc7e40d8839811ccf233d6cac71a8acb32dc974f20b3f9a',X'a0025663a3a6b50383e10d1238c06d3429e82212cda6de8300460bea370d8db9',X'e50157a21e2529f49e7a49e5dd83295c4b80741c69bbfb1a27e3b6b738256cab');
CREATE TABLE plans (
    hash BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    commit_number INTEGER NOT NULL,
    row_hash BLOB NOT NULL,
    canonical TEXT NOT NULL
) STRICT;
INSERT INTO plans VALUES(X'ed9d500657204af172bacd97aaee4c6a396f580e7b8f9bc1073d8fd5eccc5d2e','Write',1796058339071,7,X'8029d2934f16d27a8efdd200d6f76839d5d30a645bf5b1f2131e81cd574c701f','{"name":"Write","steps":[{"args":{"content":"one","path":"a.txt"},"id":"write","tool":"fs.write"}],"version":1}');
INSERT INTO plans VALUES(X'5a8c77df587b38cb0130062d36915409c6cc98524a65d9cd7bf7a5b8c7cc60dd','Write',1796058339419,10,X'7764f63604f308e7a88c61ace93e9f659dfb1aecf393325db5caf5fcb894f944','{"name":"Write","steps":[{"args":{"content":"two","path":"a.txt"},"id":"write","tool":"fs.write"}],"version":1}');
CREATE TABLE blobs (
    hash BLOB NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    commit_number INTEGER NOT NULL,
    row_hash BLOB NOT NULL,
    content BLOB NOT NULL
) STRICT;
CREATE TABLE lease (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    number INTEGER NOT NULL,
    pid INTEGER NOT NULL,
    head_number INTEGER NOT NULL,
    head_hash BLOB NOT NULL,
    hmac BLOB NOT NULL
) STRICT;
INSERT INTO lease VALUES(1,5,5741,9,X'17bbe34c6dc8d5f1be01baf65dc2e916625e022ca031b3cdc5ec62665cbb3bf7',X'86a6cf9ef5c473240af4fd164de6e1294f1ead1ac40892d6e65701ed76a91502');
CREATE TABLE executions (
    execution_id TEXT PRIMARY KEY,
    plan_id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    plan_hash BLOB NOT NULL,
    name TEXT NOT NULL,
    principal TEXT NOT NULL,
    session TEXT NOT NULL,
    state TEXT NOT NULL,
    status TEXT,
    error_code TEXT,
    waiting_for TEXT,
    priority INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    updated_at_ms INTEGER NOT NULL,
    finished_at_ms INTEGER,
    last_seq INTEGER NOT NULL,
    steps_total INTEGER NOT NULL,
    steps_settled INTEGER NOT NULL,
    tools TEXT NOT NULL,
    waiting_kind TEXT GENERATED ALWAYS AS (
        CASE WHEN json_valid(waiting_for) THEN json_extract(waiting_for, '$.kind') END
    ) VIRTUAL
, parent TEXT) STRICT, WITHOUT ROWID;
INSERT INTO executions VALUES('01a22d6b-5706-74db-82be-f229ae4eb0ba','01a22d6b-5706-74db-82be-f22a48d85e98',1,X'ed9d500657204af172bacd97aaee4c6a396f580e7b8f9bc1073d8fd5eccc5d2e','Write','local:0','cli-01a22d6b-56f7-70fe-bf9f-3b27ed37e3ec','completed','success',NULL,NULL,0,1796058339071,1796058339135,1796058339135,7,1,1,' fs.write ',NULL);
INSERT INTO executions VALUES('01a22d6b-585f-765d-b5c2-2ae74f85a374','01a22d6b-585f-765d-b5c2-2ae81a04e64f',1,X'5a8c77df587b38cb0130062d36915409c6cc98524a65d9cd7bf7a5b8c7cc60dd','Write','local:0','cli-01a22d6b-5852-7511-99b4-c54780920495','completed','success',NULL,NULL,0,1796058339419,1796058339463,1796058339463,7,1,1,' fs.write ',NULL);
CREATE TABLE requests (
    request_id TEXT PRIMARY KEY,
    execution_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    step TEXT,
    state TEXT NOT NULL,
    subject BLOB NOT NULL,
    detail TEXT NOT NULL,
    answer TEXT,
    opened_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER,
    closed_at_ms INTEGER
, approved TEXT) STRICT, WITHOUT ROWID;
INSERT INTO requests VALUES('req-9873a1dac6a0e15c','01a22d6b-5706-74db-82be-f229ae4eb0ba','plan',NULL,'answered',X'72fcce125ba5b42105e9422f5a1c0795c456ddf6d031b652de6da084e7d8babf','{"plan":"Write","plan_hash":"ed9d500657204af172bacd97aaee4c6a396f580e7b8f9bc1073d8fd5eccc5d2e","inputs":{},"principal":"local:0","choices":["approve","reject"],"approvers":["requester"],"decision":{"outcome":"require_approval","reasons":[{"rule":"starter/effects","outcome":"require_approval","message":"`fs.write` has the effect `write`","step":"write","severity":"high","inputs":{"resource.effect":"write"}}],"policy_version":"0a5afa0270d15d7cfb187f0f0264cf9d2c6d894d459905b9bd8d945d0e8d39cf","subject":"72fcce125ba5b42105e9422f5a1c0795c456ddf6d031b652de6da084e7d8babf","tools":{"fs.write":"ff85cbfb4f2e1471406bed04c54383ef9c4d033c7caa166b75a23342a39474d1"},"principal":"local:0","session_id":"cli-01a22d6b-56f7-70fe-bf9f-3b27ed37e3ec","at_ms":1796058339071,"inputs":{},"steps":[{"step":"write","purpose":"run","tool":"fs.write","effect":"write","idempotent":true,"open_world":false,"category":"file_write","resources":[{"kind":"file","value":"a.txt","operation":"write"}],"tags":[],"unknown_args":[],"risk":{"score":60,"level":"high","factors":["file_write: 60"],"mitigations":["requires_approval"]},"outcome":"require_approval"}],"risk":{"score":60,"level":"high","factors":["riskiest step `write`: 60"],"mitigations":["requires_approval"]},"approvers":["requester"],"calls":{"most":1,"limit":100,"counted":0,"reserved":0}}}','{"choice":"approve","by":"local:0","channel":"flag"}',1796058339071,1796144739071,1796058339110,'Write');
INSERT INTO requests VALUES('req-9b31a4b8eb70c2ef','01a22d6b-585f-765d-b5c2-2ae74f85a374','plan',NULL,'answered',X'4c2c4a33de8e5208d8f23b2cb23464ffa730f9c83df699c79a63fde623b24a04','{"plan":"Write","plan_hash":"5a8c77df587b38cb0130062d36915409c6cc98524a65d9cd7bf7a5b8c7cc60dd","inputs":{},"principal":"local:0","choices":["approve","reject"],"approvers":["requester"],"decision":{"outcome":"require_approval","reasons":[{"rule":"starter/effects","outcome":"require_approval","message":"`fs.write` has the effect `write`","step":"write","severity":"high","inputs":{"resource.effect":"write"}}],"policy_version":"0a5afa0270d15d7cfb187f0f0264cf9d2c6d894d459905b9bd8d945d0e8d39cf","subject":"4c2c4a33de8e5208d8f23b2cb23464ffa730f9c83df699c79a63fde623b24a04","tools":{"fs.write":"ff85cbfb4f2e1471406bed04c54383ef9c4d033c7caa166b75a23342a39474d1"},"principal":"local:0","session_id":"cli-01a22d6b-5852-7511-99b4-c54780920495","at_ms":1796058339419,"inputs":{},"steps":[{"step":"write","purpose":"run","tool":"fs.write","effect":"write","idempotent":true,"open_world":false,"category":"file_write","resources":[{"kind":"file","value":"a.txt","operation":"write"}],"tags":[],"unknown_args":[],"risk":{"score":60,"level":"high","factors":["file_write: 60"],"mitigations":["requires_approval"]},"outcome":"require_approval"}],"risk":{"score":60,"level":"high","factors":["riskiest step `write`: 60"],"mitigations":["requires_approval"]},"approvers":["requester"],"calls":{"most":1,"limit":100,"counted":0,"reserved":0}},"approved_before":{"plan_hash":"ed9d500657204af172bacd97aaee4c6a396f580e7b8f9bc1073d8fd5eccc5d2e","execution_id":"01a22d6b-5706-74db-82be-f229ae4eb0ba","request_id":"req-9873a1dac6a0e15c","by":"local:0","at_ms":1796058339110}}','{"choice":"approve","by":"local:0","channel":"flag"}',1796058339419,1796144739419,1796058339446,'Write');
CREATE TABLE calls (
    execution_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    session TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    category TEXT NOT NULL,
    PRIMARY KEY (execution_id, seq)
) STRICT, WITHOUT ROWID;
INSERT INTO calls VALUES('01a22d6b-5706-74db-82be-f229ae4eb0ba',5,'cli-01a22d6b-56f7-70fe-bf9f-3b27ed37e3ec',1796058339113,'file_write');
INSERT INTO calls VALUES('01a22d6b-585f-765d-b5c2-2ae74f85a374',5,'cli-01a22d6b-5852-7511-99b4-c54780920495',1796058339447,'file_write');
CREATE TABLE content_uses (
    hash BLOB NOT NULL,
    stream TEXT NOT NULL,
    PRIMARY KEY (hash, stream)
) STRICT, WITHOUT ROWID;
INSERT INTO content_uses VALUES(X'5a8c77df587b38cb0130062d36915409c6cc98524a65d9cd7bf7a5b8c7cc60dd','01a22d6b-585f-765d-b5c2-2ae74f85a374');
INSERT INTO content_uses VALUES(X'ed9d500657204af172bacd97aaee4c6a396f580e7b8f9bc1073d8fd5eccc5d2e','01a22d6b-5706-74db-82be-f229ae4eb0ba');
INSERT INTO content_uses VALUES(X'ed9d500657204af172bacd97aaee4c6a396f580e7b8f9bc1073d8fd5eccc5d2e','01a22d6b-585f-765d-b5c2-2ae74f85a374');
CREATE TABLE archived (
    execution_id TEXT PRIMARY KEY,
    tombstone INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO archived VALUES('01a22d6b-52d7-7323-a46d-64771fcc4347',3);
INSERT INTO archived VALUES('01a22d6b-54cc-71e0-a1c4-4dd981874be7',3);
CREATE TABLE removed_rows (
    gseq INTEGER PRIMARY KEY,
    hash BLOB NOT NULL,
    tombstone INTEGER NOT NULL
) STRICT;
INSERT INTO removed_rows VALUES(3,X'650d392a8452ef3ea2bf7e8ffb9598531651849532e47504654887ee105beeaa',3);
INSERT INTO removed_rows VALUES(4,X'f83fae97d1081d25ab1b363692b83c316de5e0a80a21c2d3160322f1cae0125b',3);
INSERT INTO removed_rows VALUES(5,X'cbf75929c6c383d5ae778427d4b2ea5187cb2d4ed45fc496c4915d83261906ee',3);
INSERT INTO removed_rows VALUES(6,X'72148de9477d8f2c0a06ee2d19f3183e3021aefc8f95d0049296959bf98d4ef1',3);
INSERT INTO removed_rows VALUES(7,X'0eb1e45693783e897b2d38bbdad7ff32562897474d68f72a0be471d4a2ba3c14',3);
INSERT INTO removed_rows VALUES(8,X'f3d1c815eb563c14c9bb4bb9864edfb3e454b90e228bb3dd794ce338f4863a9e',3);
INSERT INTO removed_rows VALUES(9,X'bea9acd6ac1248989386f62288f6ec320b0ccbfaecf55a9055b8c113f430a828',3);
INSERT INTO removed_rows VALUES(10,X'ae3fe77f7f6fb51ed96331b3f48808c36b1dc16ed14011ae2f4489fcf883c39b',3);
INSERT INTO removed_rows VALUES(11,X'8d97357c405ecedd5a954546148c03b58110dd818ba262399b180aeed955c4e6',3);
INSERT INTO removed_rows VALUES(12,X'af7b0ec5573380cdfe73c4637ca1be53f47440adb66406d6da435b2a2449cdef',3);
CREATE TABLE removed_contents (
    commit_number INTEGER NOT NULL,
    kind TEXT NOT NULL,
    hash BLOB NOT NULL,
    row_hash BLOB NOT NULL,
    tombstone INTEGER NOT NULL,
    PRIMARY KEY (commit_number, kind, hash)
) STRICT, WITHOUT ROWID;
INSERT INTO removed_contents VALUES(2,'plan',X'81d91d8ae02c2979b9d3116c372cbec52414c4a3a2757d18893747ac69d4d72d',X'959bab32f43d05a8cc68b5a4a80060350a0de268643db466f3177b15edbe122c',3);
CREATE TABLE sessions (
    session TEXT NOT NULL,
    principal TEXT NOT NULL,
    executions INTEGER NOT NULL,
    first_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL,
    PRIMARY KEY (session, principal)
) STRICT, WITHOUT ROWID;
INSERT INTO sessions VALUES('cli-01a22d6b-56f7-70fe-bf9f-3b27ed37e3ec','local:0',1,1796058339071,1796058339135);
INSERT INTO sessions VALUES('cli-01a22d6b-5852-7511-99b4-c54780920495','local:0',1,1796058339419,1796058339463);
CREATE INDEX plans_by_commit ON plans (commit_number, hash);
CREATE INDEX blobs_by_commit ON blobs (commit_number, hash);
CREATE INDEX executions_by_created ON executions (created_at_ms);
CREATE INDEX executions_by_state ON executions (state, created_at_ms);
CREATE INDEX executions_by_principal ON executions (principal, created_at_ms);
CREATE INDEX executions_by_session ON executions (session, created_at_ms);
CREATE INDEX executions_waiting ON executions (waiting_kind, created_at_ms)
    WHERE waiting_kind IS NOT NULL;
CREATE INDEX executions_unfinished ON executions (priority DESC, created_at_ms)
    WHERE finished_at_ms IS NULL;
CREATE INDEX requests_by_opened ON requests (opened_at_ms);
CREATE INDEX requests_by_kind ON requests (kind, opened_at_ms);
CREATE INDEX requests_by_execution ON requests (execution_id, opened_at_ms);
CREATE INDEX events_of_system ON events (kind, seq) WHERE stream = 'system';
CREATE INDEX calls_by_session ON calls (session, at_ms);
CREATE INDEX executions_by_status ON executions (status, created_at_ms) WHERE status IS NOT NULL;
CREATE INDEX executions_by_tools ON executions (tools, created_at_ms);
CREATE INDEX executions_by_parent ON executions (parent) WHERE parent IS NOT NULL;
CREATE INDEX requests_open ON requests (kind, opened_at_ms) WHERE state = 'open';
CREATE INDEX requests_approved ON requests (approved, closed_at_ms) WHERE approved IS NOT NULL;
CREATE INDEX sessions_by_last ON sessions (last_ms);
CREATE INDEX executions_open ON executions (session, principal) WHERE finished_at_ms IS NULL;
COMMIT;
