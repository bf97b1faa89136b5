"""What words mean to the studio: one table for English and Chinese, and how a text is read.

A text is read from left to right, always by the longest known phrase, and what was read is
used up: "camera pans left" is a movement and no panda, "火箭" is a rocket and no fire. An
English word must stand alone; a plural and a participle count as the word. A Chinese word is
found wherever it stands.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

CHARACTERS_MAX: Final = 10_000
_ENGLISH_WORDS_MAX: Final = 4
_CHINESE_CHARACTERS_MAX: Final = 6
_STEM_MIN: Final = 3


@dataclass(frozen=True, slots=True)
class Sense:
    """One meaning of a phrase: a facet of a film, and its value."""

    facet: str
    value: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A phrase that was found, and where in the text it stands (0-1)."""

    phrase: str
    senses: tuple[Sense, ...]
    place: float


# facet.value: English phrases | Chinese phrases
_TABLE: Final = """
camera.pan_left: pan left, pans left, panning left, pan to the left, pans to the left, tracking left, truck left, moves left, move left, camera left, whip pan left | 左移, 向左平移, 左摇, 镜头左移, 向左摇, 向左移动
camera.pan_right: pan right, pans right, panning right, pan to the right, pans to the right, tracking right, truck right, moves right, move right, pan, slow pan, pan across, dolly shot, whip pan, whip pan right | 右移, 向右平移, 右摇, 镜头右移, 平移, 横移, 摇镜, 向右移动
camera.push_in: push in, pushes in, pushing in, dolly in, dollies in, dolly forward, dolly zoom, close up, close-up, closeup, move closer, moves closer, moving closer, moving forward, fly through, flying through | 推近, 推进, 推镜, 镜头推, 特写, 靠近, 缓缓推进, 前进, 推轨
camera.pull_out: pull out, pulls out, pull back, pulls back, pulling back, pulling out, dolly out, dollies out, dolly back, reveal shot, wide reveal | 拉远, 拉镜, 后拉, 镜头拉远, 后退镜头
camera.zoom_in: zoom in, zooms in, zooming in, slow zoom, zoom, crash zoom | 变焦推近, 拉近, 镜头拉近, 放大镜头, 变焦
camera.zoom_out: zoom out, zooms out, zooming out | 缩小镜头, 变焦拉远
camera.rise: crane up, cranes up, camera rises, rising shot, pedestal up, crane shot, boom up, camera rising, jib up | 上升镜头, 镜头上升, 升镜, 摇臂, 摇臂上升
camera.fall: crane down, cranes down, camera descends, pedestal down, descending shot, boom down, jib down | 下降镜头, 镜头下降, 降镜, 摇臂下降
camera.tilt_up: tilt up, tilts up, tilting up, tilt upwards, looks up, low angle | 上摇, 仰拍, 向上摇, 镜头上摇
camera.tilt_down: tilt down, tilts down, tilting down, tilt downwards, looks down, high angle | 下摇, 向下摇, 镜头下摇
camera.orbit: orbit, orbits, orbiting, orbit shot, arc shot, circles around, circling around, camera circles, rotates around, revolves around, 360 shot | 环绕, 环绕镜头, 环绕拍摄, 绕拍, 旋转镜头, 围绕拍摄
camera.track: tracking shot, follow shot, following shot, follows, following, side tracking, tracks, camera follows, steadicam | 跟拍, 跟随镜头, 跟随, 跟镜, 跟踪镜头, 追踪镜头, 镜头跟随
camera.aerial: aerial, aerial view, aerial shot, drone, drone shot, drone footage, drone view, by drone, bird's eye view, birds eye view, overhead shot, flyover, helicopter shot, fpv | 航拍, 无人机, 俯瞰, 俯拍, 鸟瞰
camera.handheld: handheld, hand-held, hand held, shaky cam, documentary style, vlog | 手持, 手持镜头, 晃动
camera.static: static shot, static camera, locked off, fixed camera, tripod, still shot, camera fixed, stationary camera, no camera movement | 固定镜头, 静止镜头, 固定机位, 机位不动
nothing.nothing: camera, cameras, shot, shots, lens, frame, film, movie, video, footage, clip, cinematic, close, background, foreground, golden ratio, slow motion, time lapse, timelapse, water color, watercolor, oil painting, light, starring, car wash, catwalk, cat walk, hot dog, hawaii, train of thought, bearing, bear in mind, kite surfing | 镜头, 画面, 电影感, 视频, 短片, 背景, 前景, 慢动作, 延时, 火热, 海报, 海拔, 车站, 马上, 马路边, 花絮, 龙头, 天使, 人工, 马克, 牛仔, 鱼眼, 夏威夷, 青春

scene.sea: sea, seaside, ocean, wave, waves, beach, shore, coast, coastline, lake, lakeside, river, harbor, harbour, bay, island, lagoon, surf, surfing, pier, port, pond, fjord, tide, waterfall, canal | 海, 大海, 海洋, 海面, 海浪, 海边, 海滩, 海岸, 沙滩, 湖, 湖面, 湖边, 河, 河流, 江, 港口, 码头, 岛, 波浪, 浪花, 海湾, 池塘, 水面, 瀑布
scene.city: city, cities, street, streets, downtown, skyline, skyscraper, building, buildings, urban, town, tokyo, new york, manhattan, hong kong, shanghai, paris, london, alley, market, rooftop, plaza, metropolis, subway, neighborhood, chinatown, times square | 城市, 都市, 街, 街道, 街头, 大街, 小巷, 夜市, 高楼, 摩天大楼, 大厦, 楼, 东京, 纽约, 香港, 上海, 北京, 霓虹街, 屋顶, 广场, 小镇, 胡同, 弄堂, 天际线
scene.forest: forest, forests, wood, woods, woodland, jungle, rainforest, grove, bamboo, redwood, pine trees, taiga | 森林, 树林, 丛林, 竹林, 雨林, 林间, 竹子, 林中, 松林
scene.mountain: mountain, mountains, valley, canyon, alps, alpine, cliff, peak, summit, glacier, volcano, himalaya, ridge, everest, highland | 山, 高山, 雪山, 山脉, 山谷, 峡谷, 悬崖, 山峰, 山顶, 冰川, 火山, 群山, 青山, 山间, 峰
scene.desert: desert, dune, dunes, sand dunes, sahara, oasis, wasteland, mesa, badlands, pyramid, pyramids, gobi | 沙漠, 沙丘, 戈壁, 绿洲, 荒漠, 大漠, 金字塔
scene.space: space, outer space, galaxy, planet, planets, nebula, cosmos, cosmic, universe, orbiting earth, solar system, asteroid, mars, saturn, jupiter, milky way, black hole, moon surface, lunar, interstellar, space station | 太空, 宇宙, 地球, 星球, 行星, 银河, 星云, 星系, 火星, 土星, 外太空, 黑洞, 月球, 星际, 空间站
scene.underwater: underwater, under water, undersea, under the sea, beneath the waves, coral, coral reef, reef, deep sea, seabed, ocean floor, scuba, aquarium, kelp | 水下, 海底, 深海, 珊瑚, 珊瑚礁, 水底, 水族馆, 海里, 海中
scene.meadow: meadow, field, fields, grass, grassland, grassy, hill, hillside, prairie, farm, garden, countryside, park, lawn, pasture, wheat, flower field, lavender field, tulip field, sunflower field, wheat field, hills, rolling hills, savanna, village, orchard, vineyard, backyard, playground | 草地, 草原, 田野, 草坪, 花园, 花海, 农场, 公园, 乡村, 麦田, 田园, 牧场, 院子, 稻田, 油菜花, 村庄, 果园
scene.sky: sky, skies, clouds, cloud, above the clouds, cloudscape, heaven, stratosphere, flying high, in the air | 天空, 云, 云层, 云海, 云端, 白云, 空中, 高空, 蓝天, 云朵
scene.road: road, highway, route 66, driving, drive, road trip, motorway, racetrack, race track, freeway, railway, railroad, tracks of rail, country road | 公路, 高速公路, 马路, 道路, 赛道, 开车, 行驶, 铁路, 驾驶, 飞驰
scene.window: window, windows, room, bedroom, indoors, interior, living room, kitchen, cafe, coffee shop, library, office, study, desk, windowsill, cozy, home, apartment, house interior, sofa, fireplace, restaurant, classroom | 窗, 窗户, 窗外, 窗边, 窗台, 房间, 卧室, 室内, 客厅, 厨房, 咖啡馆, 咖啡厅, 书房, 图书馆, 办公室, 书桌, 家里, 教室, 餐厅
scene.abstract: abstract, geometric, pattern, fractal, kaleidoscope, shapes, gradient, liquid, fluid, motion graphics, logo, particles, ink in water | 抽象, 几何, 图案, 分形, 渐变, 流体, 万花筒, 粒子

hour.dawn: dawn, morning mist, morning fog, sunrise, morning, daybreak, early morning, first light | 黎明, 日出, 清晨, 晨雾, 早晨, 早上, 朝阳, 晨光, 拂晓, 晨曦
hour.day: day, daytime, noon, midday, sunny, daylight, afternoon, bright, blue sky, summer | 白天, 中午, 正午, 晴天, 阳光, 下午, 晴朗, 夏天, 夏日, 午后, 晴空
hour.sunset: sunset, golden hour, golden light, evening, setting sun, golden, warm light | 日落, 夕阳, 傍晚, 黄昏时分, 落日, 晚霞, 金色, 余晖, 黄金时刻
hour.dusk: dusk, twilight, blue hour, gloaming, nightfall | 黄昏, 暮色, 薄暮, 蓝调时刻, 暮光
hour.night: rainy night, snowy night, night, midnight, nighttime, at night, moonlight, moonlit, starry, starry sky, starry night, dark, nocturnal, stars, moon, full moon | 夜, 雨夜, 雪夜, 夏夜, 冬夜, 夜晚, 深夜, 夜里, 夜空, 夜色, 月光, 月亮, 星空, 星星, 午夜, 黑夜, 月夜, 繁星, 夜景

weather.rain: rain, rains, raining, rainy, drizzle, rainfall, wet street, umbrella, umbrellas | 雨, 下雨, 小雨, 细雨, 雨天, 雨中, 雨夜, 雨滴, 打伞, 雨伞
weather.storm: storm, thunderstorm, thunder, lightning, stormy, heavy rain, downpour, hurricane, typhoon, tempest | 暴风雨, 暴雨, 雷, 雷电, 闪电, 风暴, 狂风, 台风, 大雨
weather.snow: snow, snowing, snowy, snowfall, blizzard, winter, snowflake, snowflakes, icy, frozen, christmas, arctic, antarctica | 雪, 下雪, 大雪, 雪花, 雪地, 雪天, 暴风雪, 冬天, 冬日, 飘雪, 圣诞, 冰雪, 北极, 南极
weather.fog: fog, foggy, mist, misty, haze, hazy, smog, steam | 雾, 大雾, 薄雾, 晨雾, 雾气, 迷雾, 烟雾, 云雾, 烟雨
weather.fireflies: firefly, fireflies, glowworm, fairy, fairies, magic, magical, enchanted, fairy tale, fairytale | 萤火虫, 魔法, 童话, 精灵, 仙境, 奇幻, 梦幻
weather.petals: petal, petals, blossom, blossoms, sakura, cherry blossom, cherry blossoms, cherry tree, spring, confetti | 花瓣, 樱花, 落花, 桃花, 梅花, 春天, 春日, 桃花林
weather.leaves: autumn, fall leaves, falling leaves, autumn leaves, maple, leaf, foliage | 秋天, 秋日, 落叶, 枫叶, 红叶, 枫林, 银杏, 秋叶
weather.embers: volcano, eruption, ember, embers, fire, flame, flames, burning, lava, bonfire, campfire, explosion, spark, sparks, inferno, phoenix | 火山, 火, 火焰, 余烬, 岩浆, 篝火, 燃烧, 火花, 爆炸, 烈火, 火光
weather.dust: dust, dusty, sandstorm, pollen, sunbeam, sunbeams, light rays, god rays | 灰尘, 尘埃, 沙尘, 沙尘暴, 光束, 尘土

season.spring: spring, springtime, early spring, blossom, blossoms, sakura, cherry blossom, cherry blossoms, cherry tree, tulip field | 春, 春天, 春日, 春季, 樱花, 桃花, 桃花林, 早春
season.summer: summer, summertime, midsummer | 夏, 夏天, 夏日, 夏夜, 盛夏, 夏季
season.autumn: autumn, fall leaves, falling leaves, autumn leaves, maple, foliage, fall foliage, fall colors | 秋, 秋天, 秋日, 秋季, 落叶, 枫叶, 红叶, 枫林, 银杏, 秋叶, 深秋
season.winter: winter, ice, iceberg, ice floe, wintry, snow, snowing, snowy, snowfall, blizzard, christmas, arctic, antarctica, snow covered, snow-covered, snow capped, snow-capped, snowcapped | 冬, 冬天, 冬日, 冬季, 冬夜, 雪, 下雪, 大雪, 雪花, 雪地, 雪天, 飘雪, 圣诞, 雪山, 冰雪, 暴风雪, 北极, 南极

mood.neon: neon, cyberpunk, synthwave, vaporwave, retrowave, futuristic, blade runner, sci fi, sci-fi, hologram, holographic | 霓虹, 霓虹街, 赛博朋克, 蒸汽波, 未来, 科幻, 霓虹灯, 全息
mood.mono: black and white, monochrome, noir, grayscale, greyscale, film noir, silent film | 黑白, 单色, 黑白电影, 老电影
mood.ink: ink wash, ink painting, sumi-e, ink wash painting, chinese painting | 水墨, 水墨画, 国画, 中国画, 水墨风
mood.sepia: sepia, vintage, retro, old film, nostalgic, 1920s, super 8 | 复古, 怀旧, 老照片, 泛黄
mood.pastel: pastel, dreamy, soft colors, candy, kawaii, ghibli, anime, cartoon | 粉彩, 柔和, 糖果色, 动漫, 吉卜力, 卡通, 治愈

extra.close_up: close up, close-up, closeup, macro, extreme close-up | 特写, 近景, 微距, 大特写
extra.wide: wide shot, wide angle, wide-angle, long shot, extreme wide shot, establishing shot | 远景, 全景, 广角, 大远景

extra.aurora: aurora, northern lights, aurora borealis | 极光, 北极光
extra.rainbow: rainbow, rainbows | 彩虹
extra.fireworks: firework, fireworks, new year's eve | 烟花, 烟火, 礼花
extra.volcano: volcano, eruption, erupting, lava | 火山, 爆发, 岩浆
extra.blooms: sunflower field, wheat field, wheat, tulip field, lavender field, flower field, field of flowers, flower fields, tulips, lavender, wildflowers, poppies, sunflowers | 花海, 麦田, 稻田, 油菜花, 薰衣草, 郁金香, 野花, 向日葵
extra.lavender: lavender field, lavender | 薰衣草
extra.golden: wheat, wheat field, sunflowers, sunflower, sunflower field | 麦田, 油菜花, 向日葵, 稻田
extra.planet: planet, planets, saturn, jupiter, mars, alien world | 行星, 星球, 土星, 火星
extra.grain: film grain, grainy, 35mm, 16mm, super 8, old film, silent film | 胶片, 颗粒, 老电影, 胶片感
extra.bamboo: bamboo, bamboo forest | 竹林, 竹子, 竹

subject.paper_boat: paper boat, paper ship, origami boat | 纸船, 纸折的船
subject.sailboat: boat, sailboat, sailing boat, yacht, fishing boat, canoe, rowboat, gondola, kayak | 小船, 帆船, 渔船, 船, 游艇, 扁舟, 木船, 小舟, 孤舟, 乌篷船
subject.ship: ship, cruise ship, cargo ship, steamship, ferry, vessel, titanic, battleship, pirate ship | 轮船, 大船, 货轮, 游轮, 军舰, 海盗船, 巨轮, 舰
subject.submarine: submarine | 潜水艇, 潜艇
subject.whale: whale, whales, orca, humpback | 鲸, 鲸鱼, 鲸鲨, 蓝鲸, 虎鲸
subject.dolphin: dolphin, dolphins, porpoise | 海豚
subject.shark: shark, sharks | 鲨鱼, 鲨
subject.fish: fish, fishes, goldfish, koi, salmon, clownfish, school of fish | 鱼, 金鱼, 锦鲤, 小丑鱼, 鱼群
subject.jellyfish: jellyfish, medusa | 水母
subject.turtle: turtle, sea turtle, tortoise | 海龟, 乌龟, 龟
subject.octopus: octopus, squid, kraken | 章鱼, 乌贼
subject.bird: bird, birds, seagull, seagulls, gull, gulls, eagle, hawk, crane bird, cranes, swallow, swan, dove, pigeon, pigeons, sparrow, owl, parrot, crow, raven, geese, goose, duck, flock, phoenix | 鸟, 鸟儿, 海鸥, 老鹰, 鹰, 仙鹤, 白鹤, 燕子, 天鹅, 鸽子, 麻雀, 猫头鹰, 鹦鹉, 乌鸦, 大雁, 鸭子, 凤凰, 鹤
subject.butterfly: butterfly, butterflies, moth, bee, bees, dragonfly | 蝴蝶, 飞蛾, 蜜蜂, 蜻蜓
subject.balloon: balloon, balloons, hot air balloon, hot air balloons, hot-air balloon, airship, zeppelin, blimp | 气球, 热气球, 飞艇
subject.kite: kite, kites | 风筝
subject.plane: plane, airplane, aeroplane, aircraft, jet, airliner, biplane, fighter jet, glider | 飞机, 客机, 战斗机, 喷气机, 滑翔机
subject.paper_plane: paper plane, paper airplane | 纸飞机
subject.helicopter: helicopter, chopper | 直升机
subject.rocket: rocket, rockets, rocket ship, space shuttle, rocket launch, missile | 火箭, 航天飞机
subject.spaceship: spaceship, spacecraft, starship, space ship, satellite, space probe | 飞船, 宇宙飞船, 太空船, 卫星, 星舰
subject.ufo: ufo, flying saucer, alien ship, aliens, alien | 飞碟, 外星人, 不明飞行物
subject.astronaut: astronaut, astronauts, cosmonaut, spaceman, spacewalk | 宇航员, 航天员, 太空人
subject.car: car, cars, sports car, convertible, vehicle, automobile, sedan, race car, racing car, truck, suv, van, pickup | 汽车, 跑车, 轿车, 车, 赛车, 卡车, 小车, 车流, 敞篷车
subject.taxi: taxi, taxis, cab, cabs | 出租车, 的士, 计程车
subject.bus: bus, buses, school bus, double decker, tram, streetcar | 公交车, 巴士, 公共汽车, 电车
subject.train: train, trains, locomotive, steam train, bullet train, metro train, subway train, high speed train | 火车, 列车, 高铁, 动车, 地铁, 蒸汽火车
subject.bicycle: bicycle, bike, bikes, cyclist, cycling, bicycles, biking | 自行车, 单车, 骑车, 骑行
subject.motorbike: motorbike, motorcycle, scooter, moped, vespa, biker | 摩托车, 摩托, 电动车, 踏板车
subject.fox: fox, foxes | 狐狸, 小狐狸
subject.wolf: wolf, wolves, coyote | 狼, 野狼, 狼群
subject.cat: cat, cats, kitten, kittens, kitty, feline | 猫, 猫咪, 小猫, 橘猫, 黑猫, 白猫
subject.tiger: tiger, tigers, leopard, cheetah, panther | 老虎, 虎, 豹, 猎豹, 豹子
subject.lion: lion, lions, lioness | 狮子, 狮
subject.dog: dog, dogs, puppy, puppies, corgi, husky, golden retriever, labrador, poodle, dachshund, shiba | 狗, 小狗, 犬, 柯基, 哈士奇, 金毛, 柴犬, 狗狗
subject.horse: horse, horses, pony, stallion, galloping, mustang, unicorn, zebra, donkey | 马, 骏马, 白马, 小马, 奔马, 独角兽, 斑马, 驴
subject.deer: deer, stag, doe, fawn, reindeer, elk, moose, antelope, gazelle | 鹿, 小鹿, 驯鹿, 麋鹿, 梅花鹿, 羚羊
subject.rabbit: rabbit, rabbits, bunny, hare | 兔子, 兔, 小兔子, 白兔
subject.panda: panda, pandas | 熊猫, 大熊猫
subject.bear: bear, bears, grizzly, polar bear, teddy bear, cub | 熊, 北极熊, 棕熊, 小熊
subject.elephant: elephant, elephants, mammoth | 大象, 小象, 象群, 猛犸
subject.giraffe: giraffe, giraffes | 长颈鹿
subject.camel: camel, camels, caravan, llama, alpaca | 骆驼, 驼队, 羊驼
subject.sheep: sheep, lamb, lambs, goat, goats | 羊, 绵羊, 羊群, 山羊, 小羊
subject.cow: cow, cows, cattle, bull, buffalo, ox, bison | 牛, 奶牛, 水牛, 牛群, 黄牛
subject.pig: pig, pigs, piglet | 猪, 小猪
subject.penguin: penguin, penguins | 企鹅
subject.dinosaur: dinosaur, dinosaurs, t rex, t-rex, tyrannosaurus, godzilla, monster | 恐龙, 霸王龙, 哥斯拉, 怪兽
subject.dragon: dragon, dragons, wyvern, chinese dragon | 龙, 巨龙, 飞龙, 神龙, 中国龙
subject.robot: robot, robots, android, mech, mecha, droid, cyborg | 机器人, 机甲, 机械人
subject.woman: woman, women, girl dancing, lady, princess, queen, dancer, ballerina, bride, mother, actress, geisha, witch | 女人, 女子, 女士, 公主, 少女, 舞者, 新娘, 妈妈, 姑娘, 美女, 女巫, 仙女
subject.man: man, men, guy, gentleman, king, samurai, knight, cowboy, detective, father, businessman, hiker, wizard, warrior, monk, soldier, fisherman, farmer, chef | 男人, 男子, 男士, 武士, 骑士, 侦探, 爸爸, 老人, 侠客, 剑客, 战士, 和尚, 渔夫, 农夫, 厨师, 书生, 老爷爷
subject.child: child, children, kid, kids, boy, little boy, baby, toddler, son, student | 孩子, 小孩, 儿童, 男孩, 小男孩, 宝宝, 学生, 少年
subject.girl: girl, girls, little girl, daughter, schoolgirl | 女孩, 小女孩, 女孩子, 女儿
subject.person: person, people, human, figure, traveler, traveller, wanderer, someone, crowd, silhouette, runner, couple, tourist, skier, surfer, friends, family, musician, singer | 人, 人们, 行人, 旅人, 人影, 情侣, 游客, 跑步, 路人, 背影, 歌手
subject.tree: tree, trees, oak, pine, willow, lone tree, christmas tree, maple tree, baobab | 树, 大树, 松树, 柳树, 橡树, 孤树, 树木, 圣诞树
subject.flower: flower, flowers, rose, roses, tulip, tulips, sunflower, sunflowers, daisy, lotus, lavender, poppy, poppies, lily, dandelion, peony | 花, 花朵, 玫瑰, 向日葵, 郁金香, 荷花, 莲花, 野花, 鲜花, 薰衣草, 蒲公英, 牡丹, 菊花
subject.mushroom: mushroom, mushrooms | 蘑菇
subject.cactus: cactus, cacti | 仙人掌
subject.lighthouse: lighthouse, light house, watchtower, beacon | 灯塔
subject.lantern: lantern, lanterns, paper lantern, sky lantern, sky lanterns | 灯笼, 孔明灯, 天灯, 河灯, 花灯
subject.house: house, cabin, cottage, hut, barn, farmhouse, home on, treehouse, log cabin, mansion | 房子, 小屋, 木屋, 农舍, 屋子, 茅屋, 别墅
subject.castle: castle, palace, fortress, tower, cathedral, church, temple, ruins | 城堡, 宫殿, 塔, 教堂, 皇宫, 古堡
subject.pagoda: pagoda, shrine, torii, chinese temple, pavilion | 宝塔, 寺庙, 亭子, 神社, 古塔, 庙, 亭台
subject.windmill: windmill, windmills, wind turbine, wind turbines | 风车, 风力发电
subject.bridge: bridge, golden gate | 桥, 石桥, 大桥, 小桥, 拱桥
subject.tent: tent, tents, camping, camp, yurt | 帐篷, 露营, 蒙古包
subject.snowman: snowman | 雪人
subject.cup: coffee, cup, mug, tea, teapot, cup of coffee, coffee cup, latte, teacup | 咖啡, 杯子, 茶, 茶杯, 茶壶, 一杯咖啡
subject.book: book, books, notebook, reading | 书, 书本, 读书, 看书
subject.guitar: guitar, violin, cello, piano | 吉他, 小提琴, 钢琴
subject.clock: clock, watch, pocket watch, hourglass | 时钟, 钟表, 手表, 怀表
subject.ball: ball, football, basketball, soccer, sphere, orb, crystal ball, bubble, bubbles | 足球, 篮球, 水晶球, 泡泡
subject.crystal: crystal, crystals, diamond, gem, gemstone, ice cube | 水晶, 钻石, 宝石
"""  # noqa: E501 -- one meaning, one line


def _senses() -> Mapping[str, tuple[Sense, ...]]:
    found: dict[str, tuple[Sense, ...]] = {}
    for line in _TABLE.strip().splitlines():
        meaning, _, phrases = line.partition(":")
        facet, _, value = meaning.partition(".")
        for phrase in re.split(r"[,|]", phrases):
            name = phrase.strip()
            if name:
                found[name] = (*found.get(name, ()), Sense(facet, value))
    return found


_SENSES: Final = _senses()
_WORD: Final = re.compile(r"[a-z0-9]+(?:['\-][a-z0-9]+)*")
_RUN: Final = re.compile(r"[a-z0-9]+(?:['\-][a-z0-9]+)*|[\u3400-\u9fff]")
_ENDINGS: Final = (("ies", "y"), ("es", ""), ("s", ""), ("ing", ""), ("ing", "e"), ("ed", ""))


def read(text: str) -> Iterator[Hit]:
    """Find every known phrase of a text, in order.

    >>> [hit.phrase for hit in read("Camera pans left over a panda")]
    ['camera', 'pans left', 'panda']
    """
    plain = unicodedata.normalize("NFKC", text[:CHARACTERS_MAX]).lower().replace("\u2019", "'")
    marks = list(_RUN.finditer(plain))
    index = 0
    while index < len(marks):
        is_english = marks[index][0][0] < "\u3400"
        phrase, count = _english(marks, index) if is_english else _chinese(marks, index)
        if phrase:
            yield Hit(phrase, _SENSES[phrase], marks[index].start() / max(1, len(plain)))
        index += count


def _english(marks: list[re.Match[str]], index: int) -> tuple[str, int]:
    words: list[str] = []
    for mark in marks[index : index + _ENGLISH_WORDS_MAX]:
        if not _WORD.fullmatch(mark[0]):
            break
        words.append(mark[0])
    for count in range(len(words), 0, -1):
        for phrase in _forms(words[:count]):
            if phrase in _SENSES:
                return phrase, count
    return "", 1


def _forms(words: list[str]) -> Iterator[str]:
    phrase = " ".join(words)
    yield phrase
    for ending, instead in _ENDINGS:
        if phrase.endswith(ending) and len(words[-1]) - len(ending) >= _STEM_MIN:
            stem = phrase[: -len(ending)] + instead
            yield stem
            if ending == "ing" and stem[-1] == stem[-2]:
                yield stem[:-1]


def _chinese(marks: list[re.Match[str]], index: int) -> tuple[str, int]:
    run = marks[index][0]
    for before, mark in pairwise(marks[index : index + _CHINESE_CHARACTERS_MAX]):
        if mark[0] < "\u3400" or mark.start() != before.end():
            break
        run += mark[0]
    for count in range(len(run), 0, -1):
        if run[:count] in _SENSES:
            return run[:count], count
    return "", 1
